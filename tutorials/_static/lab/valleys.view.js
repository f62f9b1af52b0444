/* The bench of lessons 2 and 4 on a cost with two valleys. */
((lab) => {
  const { t, show } = lab;
  const REACH = 2.1; // the pictures show w up to here, on both sides
  const DRAWING = 5; // milliseconds of a frame in which rows are drawn
  const CURVE = d3.range(-REACH, REACH + 0.01, 0.02);
  const GROUPS = ["green", "orange", "red"]; // in the deeper valley, not in it, diverged
  /** The words for two valleys, for two that are equally deep, and for only one. */
  const WORDS = {
    two: {
      valleys: [t("deeper valley"), t("higher valley")],
      share: t("share in the deeper valley"),
      rates: [t("largest rate 2/J″, deeper valley"), t("largest rate 2/J″, higher valley")],
      counts: (...n) => t("{0} in the deeper valley, {1} in the higher one, {2} diverged", ...n),
    },
    equal: {
      valleys: [t("left valley"), t("right valley")],
      share: t("share in the left valley"),
      rates: [t("largest rate 2/J″, both valleys")],
      counts: (...n) => t("{0} in the left valley, {1} in the right one, {2} diverged", ...n),
    },
    one: {
      valleys: [t("only valley")],
      share: t("share in the only valley"),
      rates: [t("largest rate 2/J″, only valley")],
      counts: (...n) => t("{0} in the only valley, {1} on the way there, {2} diverged", ...n),
    },
  };

  function start(bench) {
    const { data } = bench;
    bench.slider("w", t("Start w₀"), { step: 0.01 });
    bench.slider("tilt", t("Tilt c of the cost"), {
      step: 0.01,
      marks: () => [
        { at: -lab.valleys.ONE_VALLEY, label: t("one valley") },
        { at: lab.valleys.ONE_VALLEY, label: t("one valley") },
      ],
    });
    bench.slider("rate", t("Learning rate η"), {
      log: true,
      marks() {
        if (!bench.model) return [];
        const [deeper, higher] = bench.model.limits;
        if (words() !== WORDS.two) return [{ at: deeper, label: t("limit") }];
        return [
          { at: deeper, label: t("limit: deeper"), side: "before" },
          { at: higher, label: t("higher"), side: higher < 0.35 ? "after" : "" },
        ];
      },
    });
    bench.slider("momentum", t("Momentum μ"), { step: 0.01 });
    bench.select("rows", t("Rows in each step"), {
      all: t("all (no noise)"),
      1: t("1 (most noise)"),
    });
    bench.slider("seed", t("Seed of the random numbers"), { step: 1 });
    bench.player({
      advance() {
        bench.state.step = Math.min(bench.state.step + 1, data.steps);
        return bench.state.step < data.steps;
      },
      restart() {
        bench.state.step = 0;
      },
      pace: () => (bench.state.step < 60 ? 1 : 3),
    });
    bench.slider("step", t("Steps made"), { step: 1 });

    const words = () => {
      if (bench.model.places.length === 1) return WORDS.one;
      return bench.state.tilt === 0 ? WORDS.equal : WORDS.two;
    };
    const hill = bench.plot(t("The cost and one descent (drag the start)"), { x: "w", y: "J" });
    const time = bench.plot(t("w after each step"), { x: t("step"), y: "w" });
    const crowd = bench.plot(t("{0} random starts: where is each one now?", data.starts), {
      x: t("start"),
      y: t("w now"),
    });
    hill.svg.on("click", (event) => {
      if (!event.defaultPrevented) move(hill.at(event)[0]);
    });
    const move = (w) => bench.set({ w: Number(Math.max(-2, Math.min(2, w)).toFixed(3)) });

    const curve = hill.under.append("path").attr("class", "line grey");
    const rowCurves = hill.under.append("g");
    const labels = hill.under.append("g");
    const note = lab.element("p", { class: "valleys-legend" });
    hill.figure.append(note);
    const walk = hill.marks.append("path").attr("class", "thin blue");
    const steps = hill.marks.append("g");
    const now = hill.marks.append("circle").attr("class", "dot valleys-now").attr("r", 5);
    const from = hill.over.append("circle").attr("class", "dot blue").attr("r", 6);
    const levels = time.under.append("g");
    const line = time.marks.append("path").attr("class", "line blue");
    const borders = crowd.under.append("g");
    const dots = crowd.marks.append("g");
    const parts = GROUPS.map((colour) => lab.element("span", { class: `fill-${colour}` }));
    const bar = lab.element("div", { class: "valleys-bar", role: "img" }, ...parts);
    const legend = lab.element("p", { class: "valleys-legend" });
    crowd.figure.append(bar, legend);

    let [chance, of] = [null, ""]; // the random numbers, and of which seed and rows they are
    return () => {
      const { state } = bench;
      const all = state.rows === "all";
      if (of !== `${state.seed} ${state.rows}`) {
        chance = lab.valleys.chance(state.seed, data, all ? 0 : Number(state.rows));
        of = `${state.seed} ${state.rows}`;
      }
      // As many steps as there are rows for; the next frames draw more.
      const until = performance.now() + DRAWING;
      while (!all && chance.signs.length < state.step && performance.now() < until) chance.draw();
      const made = all ? state.step : Math.min(state.step, chance.signs.length);
      if (made < state.step) bench.change();

      const { tilt, rate, momentum } = state;
      const how = { tilt, rate, momentum, spread: data.spread };
      const starts = [state.w, ...chance.starts];
      const found = lab.valleys.descend(starts, how, all ? null : chance.signs, made);
      const places = lab.valleys.places(tilt);
      const minima = places.filter((_, i) => i !== 1); // the deeper one first
      if (tilt < 0) minima.reverse();
      const ends = found.ends.slice(1);
      const lost = found.diverged.slice(1).map((step) => step !== null);
      const deeper = ends.map((w) => lab.valleys.inDeeper(w, tilt, places));
      bench.model = {
        step: made,
        path: found.path,
        diverged: found.diverged[0],
        costs: found.path.map((w) => lab.valleys.cost(w, tilt)),
        starts: chance.starts,
        ends,
        deeper,
        lost,
        share: d3.mean(deeper, Number),
        places,
        minima,
        limits: minima.map((w) => 2 / lab.valleys.curvature(w)),
      };
      drawHill(state);
      drawTime();
      drawCrowd();
      tell();
    };

    function drawHill({ w, tilt, rows }) {
      const { path, costs, minima } = bench.model;
      const J = (u) => lab.valleys.cost(u, tilt);
      const [low, high] = [J(minima[0]), Math.max(2.4, J(w) + 0.3)];
      hill.scale([-REACH, REACH], [low - 0.14 * (high - low), high]);
      curve.attr("d", hill.line(CURVE.map((u) => [u, J(u)])));
      const single = rows === "all" ? [] : [tilt + bench.data.spread, tilt - bench.data.spread];
      rowCurves
        .selectAll("path")
        .data(single)
        .join("path")
        .attr("class", "thin grey dashed")
        .attr("d", (c) => hill.line(CURVE.map((u) => [u, lab.valleys.cost(u, c)])));
      note.textContent = single.length
        ? t(
            "Dashed: the cost of a single row. Half of the rows have c = {0}, the others c = {1}.",
            ...single.map((c) => show(c)),
          )
        : "";
      labels
        .selectAll("text")
        .data(named())
        .join("text")
        .attr("class", ({ colour }) => `fill-${colour}`)
        .attr("text-anchor", "middle")
        .attr("x", ({ at }) => hill.x(at))
        .attr("y", ({ at, colour }) => hill.y(J(at)) + (colour === "grey" ? -8 : 16))
        .text(({ name }) => name);
      // The last hundred steps: more would be a tangle.
      const first = Math.max(0, path.length - 101);
      const shown = path.map((u, i) => [near(u), J(near(u)), costs[i]]).slice(first);
      walk.attr("d", hill.line(shown));
      steps
        .selectAll("circle")
        .data(shown)
        .join("circle")
        .attr("class", "fill-blue")
        .attr("r", 2)
        .attr("cx", ([u]) => hill.x(u))
        .attr("cy", ([, v]) => hill.y(v));
      const [u, v] = shown.at(-1);
      now.attr("cx", hill.x(u)).attr("cy", hill.y(v));
      from.attr("cx", hill.x(w)).attr("cy", hill.y(J(w)));
      lab.movable(from.data([w]), hill, {
        move: (_d, _i, to) => move(to),
        at: (place) => [place, 0],
        label: (place) => t("start at w = {0}; arrow keys move it", show(place)),
      });
    }

    function drawTime() {
      const { path, step, diverged } = bench.model;
      time.scale([0, 1.3 * Math.max(20, step)], [-REACH, REACH]); // with room for the names
      level(levels, time, "y", named());
      line.attr("d", time.line(path.map((w, i) => [i, near(w)])));
      const said = diverged
        ? t("w after each step: diverged at step {0}", diverged)
        : t("w after each step: {0} after {1} steps", show(path[step]), step);
      time.svg.attr("aria-label", said);
    }

    /** The places where the slope is 0, the hilltop last; of two near ones, the lower one's name
        is below its line. */
    function named() {
      const { places, minima } = bench.model;
      const { tilt } = bench.state;
      const valleys = words().valleys.map((name, i) => ({ name, at: minima[i] }));
      const top =
        places.length === 1
          ? { name: t("flattest place"), at: lab.valleys.flattest(tilt) }
          : { name: t("hilltop"), at: places[1] };
      return [
        { ...valleys[0], colour: "green" },
        ...valleys.slice(1).map((valley) => ({ ...valley, colour: "orange", below: tilt < 0 })),
        { ...top, colour: "grey", below: tilt > 0 },
      ];
    }

    /** Dashed lines over the whole picture, at places on one of its axes. */
    function level(group, plot, axis, found) {
      const along = axis === "y" ? "x" : "y";
      const ends = plot[along].range();
      const lines = group.selectAll(`line.${axis}`).data(found).join("line");
      lines
        .attr("class", ({ colour }) => `${axis} thin dashed ${colour}`)
        .attr(`${along}1`, ends[0])
        .attr(`${along}2`, ends[1])
        .attr(`${axis}1`, ({ at }) => plot[axis](at))
        .attr(`${axis}2`, ({ at }) => plot[axis](at));
      const texts = group.selectAll(`text.${axis}`).data(found).join("text");
      texts
        .attr("class", ({ colour }) => `${axis} fill-${colour}`)
        .attr("text-anchor", axis === "y" ? "end" : "start")
        .attr(along, axis === "y" ? ends[1] - 3 : ends[1] + 11)
        .attr(axis, ({ at, below }) => plot[axis](at) + (axis === "x" ? 3 : below ? 11 : -3))
        .text(({ name }) => name);
    }

    function drawCrowd() {
      const { starts, ends, deeper, lost } = bench.model;
      crowd.scale([data.low - 0.1, data.high + 0.1], [-REACH, REACH]);
      const hilltop = named().slice(-1);
      level(borders, crowd, "x", hilltop);
      level(borders, crowd, "y", hilltop);
      const group = (k) => (lost[k] ? 2 : deeper[k] ? 0 : 1);
      dots
        .selectAll("circle")
        .data(ends)
        .join("circle")
        .attr("class", (_, k) => `fill-${GROUPS[group(k)]}`)
        .attr("r", 2.5)
        .attr("cx", (_, k) => crowd.x(starts[k]))
        .attr("cy", (w) => crowd.y(Math.max(-REACH, Math.min(REACH, w))));
      const counts = [0, 0, 0];
      for (let k = 0; k < ends.length; k++) counts[group(k)]++;
      bench.model.counts = counts;
      parts.forEach((part, i) => {
        part.style.flex = counts[i];
      });
      const said = words().counts(...counts);
      bar.setAttribute("aria-label", said);
      legend.textContent = said;
      crowd.svg.attr("aria-label", said);
    }

    function tell() {
      const { step, path, costs, diverged, share, limits, places } = bench.model;
      const gone = diverged === null ? null : t("diverged at step {0}", diverged);
      bench.values({
        [t("step")]: String(step),
        w: gone ?? path[step],
        [t("cost J")]: gone ?? costs[step],
        [words().share]: `${show(100 * share, 4)} %`,
        ...Object.fromEntries(words().rates.map((name, i) => [name, limits[i]])),
      });
      if (gone) bench.complain(t("The descent diverged at step {0}.", diverged));
      else if (places.length === 1)
        bench.say(t("With so much tilt the higher valley is gone: there is only one minimum."));
      else if (bench.state.tilt === 0) bench.say(t("Both valleys are equally deep."));
    }
  }

  /** As far as a picture needs it. */
  const near = (w) => Math.max(-50, Math.min(50, w));

  function python(state, bench) {
    const { low, high, starts } = bench.data;
    const rest = [
      `tilt=${state.tilt}`,
      `learning_rate=${state.rate}`,
      `steps=${state.step}`,
      ...(state.rows === "all" ? [] : [`batch_size=${state.rows}`]),
      ...(state.momentum ? [`momentum=${state.momentum}`] : []),
      "rng=rng",
    ];
    return [
      "import numpy as np",
      "from course import lab",
      "",
      `rng = np.random.default_rng(${state.seed})`,
      `starts = rng.uniform(${low}, ${high}, ${starts})`,
      `paths = lab.descend_valleys([${state.w}, *starts], ${rest.join(", ")})`,
      "path, ends = paths[:, 0], paths[-1, 1:]",
      `share = np.mean(lab.in_deeper_valley(ends, tilt=${state.tilt}))`,
      'print("w:", path[-1], " share in the deeper valley:", share)',
    ].join("\n");
  }

  lab.define("valleys", {
    version: 1,
    title: t("Bench: two valleys"),
    state: ({ tilt, rate, w, steps }) => ({
      w: lab.number(w, -2, 2),
      tilt: lab.number(tilt, -2, 2),
      rate: lab.number(rate, 1e-3, 0.5),
      momentum: lab.number(0, 0, 0.99),
      rows: lab.choice("all", ["all", "10", "5", "2", "1"]),
      seed: lab.whole(0, 0, 99),
      step: lab.whole(50, 0, steps),
    }),
    start,
    python,
  });
})(window.lab);
