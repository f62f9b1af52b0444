/* The bench of lessons 3, 4 and 5: points, a line, and the way down the bowl. */
((lab) => {
  const { t, show } = lab;
  const STEPS = 500; // computed at each change; the curve shows how many of them were made
  const KINDS = ["batch", "mini-batch", "stochastic"];
  const METHODS = ["plain", "heavy ball", "Nesterov"];

  /** What the state means for the descent: x (standardised or not), y, and its settings. */
  function settings(state) {
    const given = state.points.map(([x]) => x);
    const y = state.points.map(([, v]) => v);
    const scaled = state.standardise
      ? lab.descent.standardised(given)
      : { mean: 0, deviation: 1, z: given };
    const size = { batch: y.length, "mini-batch": state.size, stochastic: 1 }[state.kind];
    return {
      x: scaled.z,
      y,
      scaled,
      start: [state.w, state.b],
      rate: state.rate,
      momentum: state.method === "plain" ? 0 : state.momentum,
      nesterov: state.method === "Nesterov",
      size: Math.min(size, y.length),
      rows: lab.descent.batches(y.length, size, STEPS, state.seed),
    };
  }

  function start(bench) {
    const methods = {
      plain: t("plain descent"),
      "heavy ball": t("heavy ball"),
      Nesterov: "Nesterov",
    };
    bench.slider("rate", t("Learning rate η"), {
      log: true,
      marks: () => {
        const x = bench.model?.x ?? [];
        if (!x.length) return [];
        return [
          { at: lab.descent.bestRate(x), label: t("best"), side: "before" },
          { at: lab.descent.largestRate(x), label: t("limit"), side: "after" },
        ];
      },
    });
    bench.select("kind", t("Rows in each step"), {
      batch: t("all (batch)"),
      "mini-batch": t("a few (mini-batch)"),
      stochastic: t("one (stochastic)"),
    });
    const size = bench.slider("size", t("Rows in a mini-batch"), {
      step: 1,
      show(v) {
        const count = bench.state.points.length;
        return v < count ? show(v) : t("all {0}", count);
      },
    });
    bench.select("method", t("Method"), methods);
    const momentum = bench.slider("momentum", t("Momentum μ (velocity kept)"), {
      step: 0.01,
    });
    bench.toggle("standardise", t("Standardise x"));
    bench.player({
      advance() {
        bench.state.step = Math.min(bench.state.step + 1, bench.model.path.length - 1);
        return bench.state.step < bench.model.path.length - 1;
      },
      restart() {
        bench.state.step = 0;
      },
      pace: () => (bench.state.step < 30 ? 1 : 3),
    });
    bench.slider("step", t("Steps made"), { step: 1 });
    bench.paste("points", t("Paste points"), "1, 7\n2, 9");

    const data = bench.plot(t("The points and the line (drag, click to add)"), {
      x: "x",
      y: "y",
    });
    const bowl = bench.plot(t("The cost over w and b (click to choose the start)"), {
      x: "w",
      y: "b",
    });
    const curve = bench.plot(t("Cost J after each step (dashed: theory)"), {
      x: t("step"),
      logy: true,
    });
    const [dataHeld, bowlHeld] = [data, bowl].map((plot) => lab.holding(bench, plot));

    const line = data.marks.append("line").attr("class", "line orange");
    const move = (_, i, x, y) => {
      const points = bench.state.points.map((point, k) => (k === i ? [x, y] : point));
      bench.set({ points: points.map((point) => point.map((v) => Number(v.toPrecision(4)))) });
    };
    data.svg.on("click", (event) => {
      if (event.defaultPrevented || event.target.classList.contains("dot")) return;
      const point = data.at(event).map((v) => Number(v.toPrecision(4)));
      bench.set({ points: [...bench.state.points, point] });
    });
    bowl.svg.on("click", (event) => {
      const [w, b] = bowl.at(event).map((v) => Number(v.toPrecision(4)));
      bench.set({ w, b, step: 0 });
    });
    const rings = bowl.under.append("g");
    const path = bowl.marks.append("path").attr("class", "line orange");
    const least = bowl.marks.append("text").text("★").attr("class", "fill-green");
    least.attr("text-anchor", "middle").attr("dy", "0.35em");
    const from = bowl.over.append("circle").attr("class", "dot blue").attr("r", 5);
    const now = bowl.marks.append("circle").attr("class", "dot orange").attr("r", 4);
    const theory = curve.marks.append("path").attr("class", "line grey dashed");
    const measured = curve.marks.append("path").attr("class", "line orange");

    return () => {
      const { state } = bench;
      const how = settings(state);
      const { x, y, scaled } = how;
      const { path: all, diverged } = lab.descent.descend(x, y, how);
      const minimum = lab.descent.leastSquares(x, y);
      state.step = Math.min(state.step, all.length - 1);
      bench.model = {
        x,
        path: all,
        diverged,
        costs: all.map((theta) => lab.descent.cost(x, y, theta)),
        predicted: lab.descent.predicted(x, y, how, STEPS),
        largest: lab.descent.largestRate(x),
        best: lab.descent.bestRate(x),
        minimum,
      };
      size.disabled = state.kind !== "mini-batch";
      size.max = Math.min(bench.fields.size.high, y.length);
      momentum.disabled = state.method === "plain";
      const theta = all[state.step];
      drawData(state, theta, scaled);
      drawBowl(state, x, theta, minimum);
      drawCurve(state);
      bench.values({
        [t("step")]: String(state.step),
        [state.standardise ? t("w per standard deviation") : "w"]: theta[0],
        [state.standardise ? t("b, height at the mean x") : "b"]: theta[1],
        [t("cost J")]: bench.model.costs[state.step],
        [t("best rate 2/(λmin + λmax)")]: bench.model.best,
        [t("limit 2/λmax of plain descent")]: bench.model.largest,
      });
      if (diverged !== null && state.step === all.length - 1)
        bench.complain(t("The descent diverged at step {0}.", diverged));
      else if (!minimum) bench.say(t("All x are equal: no single line is the best."));
    };

    function drawData(state, theta, { mean, deviation }) {
      const xs = d3.extent(state.points, ([u]) => u);
      const ys = d3.extent(state.points, ([, v]) => v);
      if (!dataHeld()) data.scale(padded(xs), padded(ys));
      const dots = data.over.selectAll("circle").data(state.points).join("circle");
      dots
        .attr("class", "dot blue")
        .attr("r", 5)
        .attr("cx", ([u]) => inside(data.x, u)) // at the edge while it is dragged beyond
        .attr("cy", ([, v]) => inside(data.y, v));
      lab.movable(dots, data, {
        move,
        at: (point) => point,
        label: ([u, v]) => t("point at x = {0}, y = {1}; arrow keys move it", show(u), show(v)),
        remove: (_, i) => bench.set({ points: bench.state.points.filter((_, k) => k !== i) }),
      });
      const ends = data.x.domain();
      const at = (u) => data.y((theta[0] * (u - mean)) / (deviation || 1) + theta[1]);
      line
        .attr("x1", data.x(ends[0]))
        .attr("x2", data.x(ends[1]))
        .attr("y1", bounded(at(ends[0])))
        .attr("y2", bounded(at(ends[1])));
    }

    /** The bowl's level lines are ellipses: half axes √(2 (J − J*)/λ) along H's eigenvectors. */
    function drawBowl(state, x, theta, minimum) {
      const centre = minimum ?? [state.w, state.b];
      const reach = [state.w, state.b].map((v, j) => 1.4 * Math.abs(v - centre[j]) + 2);
      if (!bowlHeld())
        bowl.scale(
          [centre[0] - reach[0], centre[0] + reach[0]],
          [centre[1] - reach[1], centre[1] + reach[1]],
        );
      const { values, vectors } = lab.descent.eigen(lab.descent.hessian(x));
      const top = (values[1] / 2) * (reach[0] ** 2 + reach[1] ** 2);
      const heights = minimum && values[0] > 0 ? d3.range(9).map((k) => top / 3 ** k) : [];
      const turn = d3.range(0, 2 * Math.PI + 0.05, Math.PI / 48);
      const ring = (height) =>
        turn.map((angle) => {
          const along = [Math.cos(angle), Math.sin(angle)].map(
            (part, k) => part * Math.sqrt((2 * height) / values[k]),
          );
          return [0, 1].map((j) => centre[j] + along[0] * vectors[0][j] + along[1] * vectors[1][j]);
        });
      rings
        .selectAll("path")
        .data(heights)
        .join("path")
        .attr("class", "thin grey")
        .attr("d", (height) => bowl.line(ring(height)));
      const made = bench.model.path.slice(0, state.step + 1);
      const limit = ([u, v]) => [bounded(u, 1e6), bounded(v, 1e6)];
      path.attr("d", bowl.line(made.map(limit)));
      least.attr("transform", `translate(${bowl.x(centre[0])},${bowl.y(centre[1])})`);
      from.attr("cx", inside(bowl.x, state.w)).attr("cy", inside(bowl.y, state.b));
      lab.movable(from.data([[state.w, state.b]]), bowl, {
        move: (_d, _i, w, b) =>
          bench.set({ w: Number(w.toPrecision(4)), b: Number(b.toPrecision(4)) }),
        at: (place) => place,
        label: ([w, b]) => t("start at w = {0}, b = {1}; arrow keys move it", show(w), show(b)),
      });
      now.attr("cx", bounded(bowl.x(theta[0]))).attr("cy", bounded(bowl.y(theta[1])));
    }

    function drawCurve(state) {
      const { costs, predicted } = bench.model;
      const shown = Math.max(20, state.step);
      const made = costs.slice(0, state.step + 1);
      const foreseen = predicted.slice(0, shown + 1);
      const seen = [...made, ...foreseen].filter((J) => J < 1e12);
      const [least, most] = seen.length ? d3.extent(seen) : [1, 1];
      const low = Math.max(least / 2, 1e-12);
      curve.scale([0, shown], [low, Math.max(2 * most, 10 * low)]);
      // A cost of 0, which has no logarithm, lies on the lower edge.
      const numbered = (values) => values.map((J, i) => [i, Math.max(J, low)]);
      theory.attr("d", curve.line(numbered(foreseen)));
      measured.attr("d", curve.line(numbered(made)));
      curve.svg.attr(
        "aria-label",
        t("Cost after each step: {0} after {1} steps", show(made.at(-1)), state.step),
      );
    }
  }

  const bounded = (v, limit = 1e5) => Math.max(-limit, Math.min(limit, v));
  /** Where a value is in the picture, at its edge at most. */
  const inside = (scale, v) => {
    const [low, high] = d3.extent(scale.range());
    return Math.max(low, Math.min(high, scale(v)));
  };
  const padded = ([low, high]) => {
    const by = 0.15 * (high - low) || 1;
    return [low - by, high + by];
  };

  function python(state) {
    const points = state.points.map((row) => `(${row.join(", ")})`).join(", ");
    const { size, momentum, nesterov } = settings(state);
    const rest = [
      `start=(${state.w}, ${state.b})`,
      `learning_rate=${state.rate}`,
      `steps=${state.step}`,
      ...(size < state.points.length ? [`batch_size=${size}`, `seed=${state.seed}`] : []),
      ...(momentum ? [`momentum=${momentum}`, `nesterov=${nesterov ? "True" : "False"}`] : []),
      ...(state.standardise ? ["standardise=True"] : []),
    ];
    return [
      "import numpy as np",
      "from course import lab",
      "",
      `x, y = np.array([${points}]).T`,
      `path = lab.descend(x, y, ${rest.join(", ")})`,
      'print("w, b:", *path[-1])',
    ].join("\n");
  }

  lab.define("descent", {
    version: 1,
    title: t("Bench: gradient descent on a line"),
    state: ({ points }) => ({
      points: lab.points(points, 2),
      w: lab.number(0, -1e6, 1e6),
      b: lab.number(0, -1e6, 1e6),
      rate: lab.number(0.027, 1e-4, 1),
      kind: lab.choice("batch", KINDS),
      size: lab.whole(2, 1, 20),
      method: lab.choice("plain", METHODS),
      momentum: lab.number(0.9, 0, 0.99),
      standardise: lab.flag(false),
      seed: lab.whole(0, 0, 2 ** 32 - 1),
      step: lab.whole(20, 0, STEPS),
    }),
    start,
    python,
  });
})(window.lab);
