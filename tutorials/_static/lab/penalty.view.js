/* The bench of lessons 8, 9 and 10: two weights under a penalty, and the choice of α for ten. */
((lab) => {
  const { t, show, penalty } = lab;
  const PENALTIES = ["lasso", "ridge"];
  const COLOURS = ["blue", "orange", "green", "red", "grey"]; // the next five lines are dashed
  const LINES = d3.range(10).map((j) => `line ${COLOURS[j % 5]}${j < 5 ? "" : " dashed"}`);
  const TURN = d3.range(0, 2 * Math.PI + 0.01, Math.PI / 72);
  const within = (v, low, high) => Math.max(low, Math.min(high, v));
  const short = (v) => Number(v.toPrecision(4));

  // What is computed ----------------------------------------------------------------------------
  /** G and c that the state asks for, and α. */
  function settings(state) {
    const { n, ...rows } = penalty.moments(state.rows, state.standardise);
    const own = penalty.leastSquares(rows.G, rows.c);
    const weights = [own, ...penalty.kinks(rows.G, rows.c).weights];
    const reach = Math.max(...weights.flat().map(Math.abs)); // of the picture, star moved or not
    const G = state.correlate ? penalty.correlated(rows.G, state.rho) : rows.G;
    const minimum = state.moved ? [state.w1, state.w2] : own;
    const c = state.moved || state.correlate ? penalty.times(G, minimum) : rows.c;
    const correlation = penalty.correlation(rows.G);
    const unit = ((G[0][0] + G[1][1]) / 2) * n; // ridge's α at which α/n is G's mean diagonal
    const top = penalty.alphaMax(c);
    const alpha = state.penalty === "lasso" ? state.l1 * top : state.l2 * unit;
    return { n, G, c, minimum, reach, correlation, unit, top, alpha };
  }

  function twoWeights(state) {
    const how = settings(state);
    const { G, c, n, alpha, minimum } = how;
    const lasso = state.penalty === "lasso";
    const w = lasso ? penalty.lasso(G, c, alpha) : penalty.ridge(G, c, alpha, n);
    const path = penalty.kinks(G, c);
    return {
      ...how,
      w,
      path,
      zeros: zerosOf(path),
      radius: lasso ? Math.abs(w[0]) + Math.abs(w[1]) : Math.hypot(...w),
      above: penalty.above(G, w, minimum),
    };
  }

  /** At which kinks does a weight become zero as α grows? */
  function zerosOf({ alphas, weights }) {
    const before = (i, j) => weights[i + 1]?.[j] ?? 0; // at the next smaller α
    return alphas.flatMap((alpha, i) =>
      [0, 1].filter((j) => weights[i][j] === 0 && before(i, j) !== 0).map((j) => ({ alpha, j })),
    );
  }

  /** What must be said about rows with which not all is well. */
  function remark(state, { G, c }) {
    const constant = [0, 1].filter((j) => G[j][j] === 0).map((j) => `x${j + 1}`);
    if (constant.length)
      return t("{0} is the same in every row: its weight is 0.", constant.join(", "));
    if (c.every((v) => v === 0) && !state.moved)
      return t("y is the same in every row: all weights are 0.");
    const ratio = Math.sqrt(G[0][0] / G[1][1]); // of the deviations
    if (!penalty.singular(G))
      return ratio > 10 || ratio < 0.1
        ? t("x1 and x2 vary on very different scales: standardise them, so that α is fair to both.")
        : "";
    const equal = Math.abs(ratio - 1) < 1e-9;
    return state.penalty === "lasso" && equal
      ? t(
          "The columns are collinear: the lasso has many minima, all with the same cost. One of them is shown.",
        )
      : t("The columns are collinear: f has many minima. The star is the one nearest to zero.");
  }

  // What is drawn -------------------------------------------------------------------------------
  function start(bench) {
    controls(bench);
    const bowl = drawBowl(bench);
    const paths = PENALTIES.map((name) => drawTwo(bench, name));
    const numbers = lab.element("div", { class: "bench-values penalty-numbers" });
    bench.parts.pictures.append(numbers);
    const ten = drawTen(bench);
    return (state) => {
      const model = twoWeights(state);
      bench.model = { ...model, ...ten.solve(state.alpha) };
      bowl(state, bench.model);
      for (const path of paths) path(state, bench.model);
      ten.draw(state.alpha, bench.model);
      report(bench, numbers);
      bench.say(remark(state, model));
    };
  }

  function controls(bench) {
    const shownAlpha = () => show(bench.model.alpha);
    bench.select("penalty", t("Penalty"), {
      lasso: t("lasso: α (|w1| + |w2|)"),
      ridge: t("ridge: α/(2n) (w1² + w2²)"),
    });
    const l1 = bench.slider("l1", t("α of the lasso"), {
      step: 0.001,
      show: shownAlpha,
      marks: () =>
        bench.model.zeros.map(({ alpha, j }) => ({
          at: alpha / bench.model.top,
          label: alpha === bench.model.top ? t("both 0") : t("w{0} = 0", j + 1),
        })),
    });
    const l2 = bench.slider("l2", t("α of ridge"), { log: true, show: shownAlpha });
    const rho = bench.slider("rho", t("Correlation of x1 and x2"), {
      step: 0.01,
      show: (v) => show(bench.state.correlate ? v : bench.model.correlation, 3),
      marks: () => [{ at: bench.model.correlation, label: t("rows") }],
    });
    bench.toggle("standardise", t("Standardise x1 and x2"));
    const label = lab.element("span", { class: "bench-label" }, t("Minimum and correlation"));
    const back = bench.button(
      t("As in the rows"),
      () => bench.set({ moved: false, correlate: false }),
      bench.control(label),
    );
    keepAlpha(bench);
    bench.refreshers.push((state) => {
      boxOf(l1).style.display = state.penalty === "lasso" ? "" : "none";
      boxOf(l2).style.display = state.penalty === "ridge" ? "" : "none";
      if (!state.correlate) rho.value = bench.model.correlation;
      back.disabled = !state.moved && !state.correlate;
    });
    bench.paste("rows", t("Paste rows of x1, x2, y"), "1, 0.5, 7\n2, 0.1, 9\n3, 0.7, 8");
  }
  const boxOf = (input) => input.closest(".bench-control");

  /** While the star or the correlation is moved, the lasso's α stays, though it is a part of another
      α_max then: past the slider's end it is only waiting. */
  function keepAlpha(bench) {
    const { set } = bench;
    let kept = {};
    bench.set = (changes) => {
      const next = "rho" in changes ? { correlate: true, ...changes } : changes;
      const moves = ["moved", "correlate"].some((key) => key in next);
      if (!moves || "l1" in next || "penalty" in next || bench.state.penalty === "ridge") {
        kept = {};
        return set.call(bench, next);
      }
      const { l1 } = bench.state;
      const alpha = l1 === kept.l1 ? kept.alpha : settings(bench.state).alpha;
      const { top } = settings({ ...bench.state, ...next });
      const share = top > 0 ? Number(within(alpha / top, 0, 1.2).toPrecision(6)) : l1;
      kept = { alpha, l1: share };
      return set.call(bench, { ...next, l1: share });
    };
  }

  /** The level lines of f, the budget that the penalised minimum touches, and its path. */
  function drawBowl(bench) {
    const title = t("Two weights, and the budget that is touched (drag the star)");
    const bowl = bench.plot(title, { x: "w1", y: "w2", height: 300 });
    const shape = 284 / 256; // of the picture's inside: a circle must look round
    const cross = bowl.under.append("path").attr("class", "thin grey dashed");
    const rings = bowl.under.append("g");
    const budget = bowl.under.append("path").attr("class", "penalty-budget");
    const touching = bowl.under.append("path").attr("class", "line blue");
    const way = bowl.marks.append("path").attr("class", "line red dashed");
    const now = bowl.marks.append("circle").attr("class", "dot red").attr("r", 5);
    const words = [24, 39].map((y) =>
      bowl.over.append("text").attr("class", "penalty-name").attr("x", 54).attr("y", y),
    );
    const star = bowl.over.append("g");
    star.append("circle").attr("r", 13).attr("class", "penalty-handle");
    star.append("text").text("★").attr("text-anchor", "middle").attr("dy", "0.35em");

    function move(_d, _i, u, v) {
      const [w1, w2] = [bowl.x, bowl.y]
        .map((scale) => scale.domain().map((end) => 0.95 * end))
        .map((ends, j) => short(within([u, v][j], ...ends)));
      bench.set({ moved: true, w1, w2 });
    }

    return (state, { G, c, n, unit, reach, minimum, w, radius, above, path }) => {
      const lasso = state.penalty === "lasso";
      const side = Math.max(1.25 * reach, ...minimum.map((v) => 1.05 * Math.abs(v))) || 1;
      const [xs, ys] = [shape, 1].map((share) => [-share * side, share * side]);
      bowl.scale(xs, ys);
      cross.attr("d", bowl.line(xs.map((u) => [u, 0])) + bowl.line(ys.map((v) => [0, v])));
      const level = (height) => bowl.line(ellipse(G, minimum, height, 1e3 * side));
      const high = penalty.above(G, [0, 0], minimum);
      rings
        .selectAll("path")
        .data(high > 0 ? d3.range(1, 9).map((k) => high * (k / 5) ** 2) : [])
        .join("path")
        .attr("class", "thin grey")
        .attr("d", level);
      touching.attr("d", above > 0 ? level(above) : null);
      const around = lasso ? d3.range(4).map((k) => (k * Math.PI) / 2) : TURN;
      const edge = around.map((angle) => [radius * Math.cos(angle), radius * Math.sin(angle)]);
      budget.attr("d", `${bowl.line(edge)}Z`);
      const alphas = d3.range(-3, 4.01, 0.1).map((power) => unit * 10 ** power);
      const bent = () => [minimum, ...alphas.map((alpha) => penalty.ridge(G, c, alpha, n))];
      way.attr("d", bowl.line(lasso ? path.weights : bent()));
      now.attr("cx", bowl.x(w[0])).attr("cy", bowl.y(w[1]));
      for (const [j, text] of words.entries())
        text
          .classed("fill-red", w[j] === 0)
          .text(w[j] === 0 ? t("w{0} = 0, exactly", j + 1) : `w${j + 1} = ${show(w[j], 4)}`);
      star.attr("transform", `translate(${bowl.x(minimum[0])},${bowl.y(minimum[1])})`);
      lab.movable(star.data([minimum]), bowl, {
        move,
        at: (place) => place,
        label: ([u, v]) =>
          t("minimum of f at w1 = {0}, w2 = {1}; arrow keys move it", show(u), show(v)),
      });
      bowl.svg.attr(
        "aria-label",
        t("The penalised minimum is at w1 = {0}, w2 = {1}.", show(w[0]), show(w[1])),
      );
    };
  }

  /** Where f is `height` above its minimum: half axes √(2 height/λ) along G's eigenvectors. */
  function ellipse(G, minimum, height, longest) {
    const { values, vectors } = lab.descent.eigen(G);
    const half = values.map((v) => Math.min(Math.sqrt((2 * height) / v), longest));
    return TURN.map((angle) => {
      const along = [half[0] * Math.cos(angle), half[1] * Math.sin(angle)];
      return [0, 1].map((j) => minimum[j] + along[0] * vectors[0][j] + along[1] * vectors[1][j]);
    });
  }

  /** The two weights against α: straight lines for the lasso, bent ones for ridge. */
  function drawTwo(bench, name) {
    const lasso = name === "lasso";
    const title = t("The two weights against α (drag the line)");
    const plot = bench.plot(title, { x: "α", height: 300, logx: !lasso });
    const zero = plot.under.append("path").attr("class", "thin grey");
    const lines = [0, 1].map((j) => plot.marks.append("path").attr("class", LINES[j]));
    const names = [0, 1].map((j) => plot.over.append("text").attr("class", `fill-${COLOURS[j]}`));
    const dots = plot.over.append("g");
    const ruler = alphaLine(plot, !lasso, (alpha) => {
      const { top, unit } = bench.model;
      if (lasso && top > 0) bench.set({ l1: within(short(alpha / top), 0, 1.2) });
      if (!lasso && unit > 0) bench.set({ l2: within(short(alpha / unit), 0.01, 100) });
    });

    return (state, { path, top, unit, G, c, n, alpha, zeros }) => {
      plot.figure.hidden = state.penalty !== name;
      if (plot.figure.hidden) return;
      const of = unit || 1; // no column varies: any scale will do
      const alphas = lasso
        ? [...path.alphas, 1.2 * top].sort(d3.ascending)
        : d3.range(-2, 2.01, 0.05).map((power) => of * 10 ** power);
      const weights = alphas.map((a) =>
        lasso ? penalty.lasso(G, c, a) : penalty.ridge(G, c, a, n),
      );
      const [low, high] = d3.extent([0, ...weights.flat()]);
      const room = 0.08 * (high - low) || 1;
      const xs = lasso ? [0, 1.2 * top || 1] : [of / 100, of * 100];
      plot.scale(xs, [low - room, high + room]);
      zero.attr("d", plot.line(xs.map((a) => [a, 0])));
      const same = weights.every(([u, v]) => Math.abs(u - v) <= 1e-9 * high); // one on the other
      for (const j of [0, 1]) {
        const from = weights[0][j];
        lines[j].attr("d", plot.line(alphas.map((a, i) => [a, weights[i][j]])));
        names[j].attr("x", plot.x(xs[0]) + 8).attr("y", plot.y(from) + (from > 0 ? -2 : 12));
        names[j].text(same ? ["", "w1 = w2"][j] : `w${j + 1}`);
      }
      dots
        .selectAll("circle")
        .data(lasso ? zeros : [])
        .join("circle")
        .attr("class", ({ j }) => `dot ${COLOURS[j]}`)
        .attr("r", 4)
        .attr("cx", (d) => plot.x(d.alpha))
        .attr("cy", plot.y(0));
      ruler(within(alpha, ...xs));
    };
  }

  /** The lasso's ten weights: their path, their values at α, and the errors that choose α. */
  function drawTen(bench) {
    const { data, fields } = bench;
    const curve = data.alphas.map((alpha) => penalty.crossValidated(data.folds, alpha));
    const chosen = penalty.choose(curve);
    const [least, cautious] = chosen.map((i) => data.alphas[i]);
    const head = lab.element("strong", {}, t("Ten weights: the lasso on the diabetes data"));
    const part = lab.element("div", { class: "penalty-part" }, head);
    bench.parts.pictures.append(part);
    const slider = bench.slider("alpha", t("α for the ten weights"), {
      log: true,
      marks: () => [
        { at: least, label: t("least error") },
        { at: cautious, label: t("one std. error") },
      ],
    });
    const buttons = lab.element("div", { class: "bench-buttons" });
    part.append(boxOf(slider), buttons);
    bench.button(t("α with the least error"), () => bench.set({ alpha: least }), buttons);
    bench.button(t("α by one standard error"), () => bench.set({ alpha: cautious }), buttons);
    const move = (alpha) =>
      bench.set({ alpha: within(short(alpha), fields.alpha.low, fields.alpha.high) });
    const pictures = [
      drawPath(bench, move),
      drawBars(bench, data.names),
      drawErrors(bench, curve, chosen, move),
    ];
    return {
      solve: (alpha) => ({
        ten: penalty.between(data.path, alpha),
        seen: penalty.crossValidated(data.folds, alpha),
        curve,
        chosen,
      }),
      draw(alpha, model) {
        for (const draw of pictures) draw(alpha, model);
      },
    };
  }

  function drawPath(bench, move) {
    const { names, path } = bench.data;
    const { low, high } = bench.fields.alpha;
    const title = t("The ten weights against α (drag the line)");
    const plot = bench.plot(title, { x: "α", y: t("weight"), logx: true });
    const largest = 1.08 * d3.max(path.weights.flat(), Math.abs);
    plot.scale([low / 1.6, high], [-largest, largest]); // on the left is room for the names
    const zero = plot.x.domain().map((alpha) => [alpha, 0]);
    plot.under.append("path").attr("class", "thin grey").attr("d", plot.line(zero));
    // Lines that are straight in α are bent on a logarithmic axis.
    const fine = d3.range(Math.log10(low), Math.log10(high), 0.02).map((power) => 10 ** power);
    const alphas = d3.sort([...fine, high, ...path.alphas.filter((alpha) => alpha > low)]);
    const weights = alphas.map((alpha) => penalty.between(path, alpha));
    const heights = spread(
      weights[0].map((v) => plot.y(v)),
      10,
    );
    for (const [j, name] of names.entries()) {
      const line = plot.line(alphas.map((alpha, i) => [alpha, weights[i][j]]));
      plot.marks.append("path").attr("class", LINES[j]).attr("d", line);
      plot.over
        .append("text")
        .attr("class", `fill-${COLOURS[j % 5]} penalty-name`)
        .attr("x", plot.x.range()[0] + 2)
        .attr("y", heights[j] + 3)
        .text(name);
      // A dot where the weight leaves zero or comes back to it.
      plot.over
        .append("g")
        .selectAll("circle")
        .data(path.alphas.filter((alpha, i) => alpha > low && turns(path.weights, i, j)))
        .join("circle")
        .attr("class", `dot ${COLOURS[j % 5]}`)
        .attr("r", 3)
        .attr("cx", (alpha) => plot.x(alpha))
        .attr("cy", plot.y(0));
    }
    const ruler = alphaLine(plot, true, move);
    return (alpha, { ten }) => {
      ruler(alpha);
      const left = ten.filter((v) => v !== 0).length;
      plot.svg.attr("aria-label", t("{0} of {1} weights are not zero", left, ten.length));
    };
  }

  /** Whether weight j is zero at kink i, but not on both sides of it. */
  function turns(weights, i, j) {
    const [before, after] = [i - 1, i + 1].map((k) => weights[k]?.[j] ?? 0);
    return weights[i][j] === 0 && (before !== 0 || after !== 0);
  }

  /** Mean error on the folds left out, its standard error, and the two α that it suggests. */
  function drawErrors(bench, curve, chosen, move) {
    const { alphas } = bench.data;
    const title = t(
      "Error on the folds left out ± its standard error (red: least, orange: one std. error)",
    );
    const plot = bench.plot(title, { x: "α", logx: true });
    const ends = curve.map(({ mean, standardError }) => [
      mean - standardError,
      mean + standardError,
    ]);
    const [low, high] = d3.extent(ends.flat());
    const { fields } = bench;
    const room = 0.05 * (high - low);
    plot.scale([fields.alpha.low / 1.6, fields.alpha.high], [low - room, high + room]);
    const band = d3
      .area()
      .x((_, i) => plot.x(alphas[i]))
      .y0(([bottom]) => plot.y(bottom))
      .y1(([, top]) => plot.y(top));
    const limit = plot.x.domain().map((alpha) => [alpha, ends[chosen[0]][1]]);
    const line = plot.line(alphas.map((alpha, i) => [alpha, curve[i].mean]));
    plot.under.append("path").attr("class", "penalty-band").attr("d", band(ends));
    plot.under.append("path").attr("class", "thin grey dashed").attr("d", plot.line(limit));
    plot.marks.append("path").attr("class", "line blue").attr("d", line);
    const ruler = alphaLine(plot, true, move);
    for (const [k, i] of chosen.entries())
      plot.over
        .append("circle")
        .attr("class", `dot ${["red", "orange"][k]}`)
        .attr("r", 5)
        .attr("cx", plot.x(alphas[i]))
        .attr("cy", plot.y(curve[i].mean));
    const dot = plot.over.append("circle").attr("class", "dot blue").attr("r", 4);
    return (alpha, { seen: { mean, standardError } }) => {
      ruler(alpha);
      dot.attr("cx", plot.x(alpha)).attr("cy", plot.y(mean));
      plot.svg.attr(
        "aria-label",
        t(
          "The error on rows left out is {0}, its standard error {1}",
          show(mean),
          show(standardError),
        ),
      );
    };
  }

  /** Ten bars with their names. */
  function drawBars(bench, names) {
    const [width, height, step] = [340, 260, 25];
    const largest = d3.max(bench.data.path.weights.flat(), Math.abs);
    const x = d3.scaleLinear([-largest, largest], [46, width - 66]);
    const svg = d3.create("svg").attr("viewBox", `0 0 ${width} ${height}`).attr("role", "img");
    const row = svg.selectAll("g").data(names).join("g");
    row.attr("transform", (_, j) => `translate(0,${6 + j * step})`);
    const text = (at) => row.append("text").attr("x", at).attr("y", 15).attr("text-anchor", "end");
    text(38).text((name) => name);
    const number = text(width - 4);
    const bar = row
      .append("rect")
      .attr("y", 4)
      .attr("height", step - 9);
    bar.attr("class", (_, j) => `fill-${COLOURS[j % 5]}`);
    const zero = `M${x(0)},4V${height - 4}`;
    svg.append("path").attr("class", "thin grey").attr("d", zero);
    bench.picture(t("The ten weights"), svg.node());
    return (_, { ten }) => {
      bar
        .data(ten)
        .attr("x", (v) => x(Math.min(v, 0)))
        .attr("width", (v) => x(Math.abs(v)) - x(0));
      number.data(ten).text((v) => show(v, 4));
      const words = names.map((name, j) => `${name} ${show(ten[j], 3)}`);
      svg.attr("aria-label", t("The ten weights: {0}", words.join(", ")));
    };
  }

  /** A vertical line at α that can be moved, by a click as well; returns place(α). */
  function alphaLine(plot, log, move) {
    const [bottom, top] = plot.y.range();
    const made = plot.over.append("g");
    for (const kind of ["penalty-handle wide", "line grey"])
      made.append("path").attr("class", kind).attr("d", `M0,${top}V${bottom}`);
    plot.svg.on("click", (event) => {
      if (!event.defaultPrevented) move(plot.at(event)[0]);
    });
    // lab.movable counts in an axis's units: of a logarithmic one these are powers of ten.
    const to = log ? Math.log10 : (v) => v;
    const from = log ? (v) => 10 ** v : (v) => v;
    const units = { svg: plot.svg, x: d3.scaleLinear(), y: plot.y };
    return (alpha) => {
      units.x.domain(plot.x.domain().map(to)).range(plot.x.range());
      made.attr("transform", `translate(${plot.x(alpha)},0)`);
      lab.movable(made.data([alpha]), units, {
        move: (_d, _i, u) => move(from(u)),
        at: (d) => [to(d), 0],
        label: (d) => t("α = {0}; arrow keys move it", show(d)),
      });
    };
  }

  /** Heights at least `gap` apart, near to the given ones and in their order. */
  function spread(heights, gap) {
    const order = d3.sort(d3.range(heights.length), (i) => heights[i]);
    const placed = [...heights];
    for (let round = 0; round < 50; round++)
      for (const [upper, lower] of d3.pairs(order)) {
        const lack = Math.max(0, gap - (placed[lower] - placed[upper]));
        placed[upper] -= lack / 2;
        placed[lower] += lack / 2;
      }
    return placed;
  }

  function report(bench, numbers) {
    const { data, model, state } = bench;
    const weight = (v) => (v === 0 ? t("0, exactly") : v);
    const left = model.ten.filter((v) => v !== 0).length;
    const { mean, standardError } = model.seen;
    const two = {
      α: model.alpha,
      w1: weight(model.w[0]),
      w2: weight(model.w[1]),
      [state.penalty === "lasso" ? "|w1| + |w2|" : "√(w1² + w2²)"]: model.radius,
      [t("f(w) above its minimum")]: model.above,
    };
    bench.values(two, numbers);
    bench.values({
      [t("weights that are not zero")]: t("{0} of {1}", left, model.ten.length),
      [t("error on rows left out")]: `${show(mean)} ± ${show(standardError, 3)}`,
      [t("α with the least error")]: data.alphas[model.chosen[0]],
      [t("α by one standard error")]: data.alphas[model.chosen[1]],
    });
  }

  function python(state, bench) {
    const given = JSON.stringify(state.rows) === JSON.stringify(bench.data.rows);
    const rows = state.rows.map((row) => `    [${row.join(", ")}],`);
    const how = [
      settings(state).alpha,
      `"${state.penalty}"`,
      ...(state.standardise ? ["standardise=True"] : []),
      ...(state.correlate ? [`correlation=${state.rho}`] : []),
      ...(state.moved ? [`minimum=(${state.w1}, ${state.w2})`] : []),
    ];
    return [
      ...(given ? [] : ["import numpy as np"]),
      `from course import ${given ? "data, " : ""}lab, lesson10`,
      "",
      ...(given
        ? ["X, y = data.load_two_features()"]
        : ["rows = np.array([", ...rows, "])", "X, y = rows[:, :2], rows[:, 2]"]),
      `w = lab.two_weights(X, y, ${how.join(", ")})`,
      'print("w1, w2:", *w)',
      "",
      "X, y = lesson10.load_data()",
      `alphas = [${state.alpha}]`,
      "coefs, b = lesson10.lasso_path(X, y, alphas)",
      "mse = lesson10.cross_validate(X, y, alphas, lesson10.lasso_path)",
      'print("ten weights:", *coefs[:, 0])',
      'print("error on rows left out:", mse.mean())',
    ].join("\n");
  }

  lab.define("penalty", {
    version: 1,
    title: t("Bench: lasso and ridge"),
    state: ({ rows, alphas }) => ({
      penalty: lab.choice("lasso", PENALTIES),
      l1: lab.number(0.3, 0, 1.2), // α ÷ α_max
      l2: lab.number(1, 0.01, 100), // α/n ÷ G's mean diagonal
      standardise: lab.flag(false),
      correlate: lab.flag(false), // rho, in place of the rows' own
      rho: lab.number(0, -0.99, 0.99),
      moved: lab.flag(false), // w1 and w2, in place of the rows' own minimum
      w1: lab.number(0, -1e9, 1e9),
      w2: lab.number(0, -1e9, 1e9),
      alpha: lab.number(0.5, alphas.at(-1), 1.25 * alphas[0]),
      rows: { ...lab.points(rows, 3, { limit: 1e9 }), shape: { columns: 3, most: 200 } },
    }),
    start,
    python,
  });
})(window.lab);
