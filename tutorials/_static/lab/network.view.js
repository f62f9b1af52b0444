/* The bench of lessons 6 and 7: a two-layer network, its regions as they form, its weights. */
((lab) => {
  const { t, show } = lab;
  const net = lab.network;
  const STEPS = 5000;
  const MOST = 200; // points
  const FEW = 12; // points that are each a stop of the Tab key
  const CELLS = 48; // of the map, in each direction
  const CHUNK = 4; // milliseconds of training in a frame
  const SETS = ["xor", "moons", "circles", "own"];
  // J is a sum over the points: many points want a smaller rate.
  const RATES = { xor: 1, moons: 0.1, circles: 0.1, own: 0.1 };
  const STARTS = { positive: [0, 1], both: [-1, 1], equal: [0.5, 0.5] };
  const PENALTIES = ["0", "0.001", "0.003", "0.01", "0.03", "0.1", "0.3", "1"];
  const OWN = [
    [-1, -1, 0],
    [1, 1, 1],
  ];

  /** Points with a class, 0 or 1, in the third column; both classes are there. */
  function classified(value) {
    const field = lab.points(value, 3, { most: MOST });
    const check = (rows) => {
      field.check(rows);
      const classes = new Set(rows.map((row) => row[2]));
      for (const found of classes)
        if (found !== 0 && found !== 1)
          throw new RangeError(t("there is the class {0}; the classes are 0 and 1", show(found)));
      if (classes.size < 2)
        throw new RangeError(t("there is only one class; a point of each class is needed"));
      return rows;
    };
    return { ...field, check, shape: { columns: 3, most: MOST } };
  }

  const pointsOf = (state, data) => (state.data === "own" ? state.points : data.points[state.data]);

  function settings(state) {
    const [low, high] = STARTS[state.start];
    return {
      hidden: state.hidden,
      activation: state.activation,
      cost: state.cost,
      rate: state.rate,
      l1: Number(state.l1),
      l2: Number(state.l2),
      seed: state.seed,
      low,
      high,
    };
  }

  function start(bench) {
    let [training, begun, said] = [null, "", ""];

    bench.player({
      advance() {
        const { state } = bench;
        if (!training || training.diverged !== null || state.step >= STEPS) return false;
        if (training.path.length <= state.step) return true; // the steps before are being made
        state.step++;
        if (training.path.length > state.step) return state.step < STEPS; // it was made before
        return net.advance(training) && state.step < STEPS;
      },
      restart() {
        bench.state.step = 0;
      },
      pace: () => Number(bench.state.speed),
    });
    bench.slider("step", t("Steps made"), { step: 1 });
    bench.select("speed", t("Speed of Run"), {
      1: t("slow"),
      5: t("medium"),
      20: t("fast"),
      100: t("very fast"),
    });
    controls(bench);
    const pictures = {
      regions: regions(bench),
      diagram: diagram(bench),
      curves: curves(bench),
    };
    bench.paste("points", t("Paste points: x₁, x₂, class"), "0.5, 1, 0\n2, -1, 1");

    return () => {
      const { state } = bench;
      const points = pointsOf(state, bench.data);
      const how = settings(state);
      const now = JSON.stringify([points, how]);
      if (now !== begun) {
        begun = now;
        const classes = points.map((row) => row[2]);
        training = net.begin(points, classes, how);
      }
      // To the step that is asked for; a long way takes several frames.
      const until = performance.now() + CHUNK;
      while (training.path.length <= state.step && performance.now() < until)
        if (!net.advance(training)) break;
      if (training.path.length <= state.step && training.diverged === null) bench.change();
      measure(bench, points, training);
      for (const draw of Object.values(pictures)) draw(bench.model);
      report(bench);
      const words = message(bench.model);
      if (words) bench.say(words, bench.model.diverged !== null);
      else if (said && bench.parts.message.textContent === said) bench.say("");
      said = words;
    };
  }

  /** All that is shown, of the step that is asked for or of the last one there is. */
  function measure(bench, points, training) {
    const { X, y, path, costs, sizes, saturated, diverged } = training;
    const how = training.settings;
    const step = Math.min(bench.state.step, path.length - 1);
    const W = path[step];
    const found = net.forward(X, W, how);
    bench.model = {
      points,
      how,
      step,
      diverged: diverged !== null && bench.state.step >= diverged ? diverged : null,
      W,
      X,
      y,
      costs: costs.slice(0, step + 1),
      sizes: sizes.slice(0, step + 1),
      saturated: saturated.slice(0, step + 1),
      penalty: net.penalty(W, how),
      zeros: net.zeros(W),
      right: net.right(y, found),
      stuck: net.stuck(found, how),
    };
  }

  function message({ step, diverged, stuck, how, W, right, y }) {
    if (diverged !== null) return t("The training diverged at step {0}.", diverged);
    if (W[1].every(([w]) => w === 0))
      return t("All of W₂ is 0: every prediction is one half. The penalty is too strong.");
    if (how.activation === "relu" && stuck.every(Boolean) && right < y.length)
      return t(
        "All hidden units are dead: they are 0 at every point, so both gradients are exactly 0.",
      );
    if (step === STEPS) return t("{0} steps are made; there are no more.", STEPS);
    return "";
  }

  function report(bench) {
    const { model } = bench;
    const rows = { [t("step")]: String(model.step), [t("cost J")]: model.costs.at(-1) };
    if (model.how.l1 || model.how.l2)
      rows[t("J and penalties")] = model.costs.at(-1) + model.penalty;
    Object.assign(rows, {
      [t("accuracy")]: t("{0} of {1} points", model.right, model.y.length),
      [t("zero weights, without biases")]: t("{0} of {1}", ...model.zeros),
      [t("saturated hidden units")]: t(
        "{0} of {1}",
        model.stuck.filter(Boolean).length,
        model.stuck.length,
      ),
      [t("gradient size, W₁ and W₂")]: model.sizes
        .at(-1)
        .map((v) => show(v, 3))
        .join(", "),
    });
    bench.values(rows);
  }

  // Controls ------------------------------------------------------------------------------------
  function controls(bench) {
    const set = bench.select("data", t("Data"), {
      xor: t("XOR"),
      moons: t("two moons"),
      circles: t("circles"),
      own: t("your own points"),
    });
    set.addEventListener("change", () => {
      const rate = RATES[set.value];
      if (rate === bench.state.rate) return;
      bench.set({ rate });
      bench.say(t("The learning rate is now {0}, which suits so many points.", show(rate)));
    });
    bench.select("adds", t("A click adds a point of class"), {
      0: t("0, blue circle"),
      1: t("1, orange square"),
    });
    bench.slider("hidden", t("Hidden units q"), { step: 1 });
    bench.select("activation", t("Activation g"));
    bench.select("cost", t("Cost J, a sum over the points"), {
      "squared error": t("squared error"),
      "cross entropy": t("cross entropy"),
    });
    bench.slider("rate", t("Learning rate η"), { log: true });
    bench.select("l1", t("L1 penalty α₁: J + α₁ Σ|w|"));
    bench.select("l2", t("L2 penalty α₂: J + ½ α₂ Σw²"));
    bench.select("start", t("Weights at the start"), {
      positive: t("random, 0 to 1"),
      both: t("random, −1 to 1"),
      equal: t("all one half"),
    });
    bench.slider("seed", t("Seed of the weights"), { step: 1 });
    // Points that are changed, of whatever data set, are the learner's own.
    const { set: plain } = bench;
    bench.set = (changes) =>
      plain.call(bench, changes.points ? { ...changes, data: "own" } : changes);
  }

  // The regions ---------------------------------------------------------------------------------
  const symbols = [d3.symbolCircle, d3.symbolSquare].map((kind) => d3.symbol(kind, 70)());

  function regions(bench) {
    const title = t("Regions: ŷ (drag a point, click to add one)");
    const plot = bench.plot(title, { x: "x₁", y: "x₂" });
    plot.svg.attr("role", "group"); // there are points in it to be moved
    const canvas = lab.element("canvas", { width: CELLS, height: CELLS, "aria-hidden": "true" });
    const layers = lab.element("div", { class: "bench-layers" }, canvas);
    plot.figure.append(layers);
    layers.append(plot.svg.node());
    const [left, right] = plot.x.range();
    const [bottom, top] = plot.y.range();
    const [, , width, height] = plot.svg.attr("viewBox").split(" ").map(Number);
    Object.assign(canvas.style, {
      left: `${(100 * left) / width}%`,
      top: `${(100 * top) / height}%`,
      width: `${(100 * (right - left)) / width}%`,
      height: `${(100 * (bottom - top)) / height}%`,
    });
    const cell = [(right - left) / CELLS, (bottom - top) / CELLS];
    const half = plot.marks
      .append("path")
      .attr("class", "line edge")
      .attr("transform", `translate(${left - cell[0]},${top - cell[1]}) scale(${cell})`);
    const lines = plot.marks.append("g");
    const dots = plot.over.append("g");
    const caption = plot.figure.querySelector("figcaption");

    const held = lab.holding(bench, plot);
    let drawn = "";

    const rounded = (value, [low, high]) => {
      const digits = Math.max(0, Math.ceil(3 - Math.log10(high - low)));
      return Number(Math.min(high, Math.max(low, value)).toFixed(Math.min(digits, 20)));
    };
    const place = (x, y) => [rounded(x, plot.x.domain()), rounded(y, plot.y.domain())];
    const change = (points) => bench.set({ points });
    const current = () => pointsOf(bench.state, bench.data);
    const move = (_, i, x, y) =>
      change(current().map((row, k) => (k === i ? [...place(x, y), row[2]] : row)));
    const remove = (_, i) => change(current().filter((_, k) => k !== i));
    plot.svg.on("click", (event) => {
      const [x, y] = plot.at(event);
      const inside = (value, [low, high]) => low <= value && value <= high;
      if (!inside(x, plot.x.domain()) || !inside(y, plot.y.domain())) return;
      if (event.defaultPrevented || event.target.classList.contains("dot")) return;
      change([...current(), [...place(x, y), Number(bench.state.adds)]]);
    });

    return (model) => {
      if (!held()) {
        const reach = [0, 1].map((k) => padded(d3.extent(model.points, (row) => row[k])));
        plot.scale(...reach);
      }
      const now = JSON.stringify([model.points, plot.x.domain(), plot.y.domain()]);
      if (now !== drawn) drawPoints(model.points);
      drawn = now;
      const unit = pointed(bench);
      drawMap(model, unit);
      drawLines(model, unit);
      caption.textContent =
        unit === null ? title : t("Regions of hidden unit h{0} alone", unit + 1);
      plot.svg.attr(
        "aria-label",
        t("Regions: {0} of {1} points are on their own side", model.right, model.y.length),
      );
    };

    function drawPoints(points) {
      const marks = dots.selectAll("path").data(points).join("path");
      marks
        .attr("class", (row) => `dot ${row[2] ? "orange" : "blue"}`)
        .attr("d", (row) => symbols[row[2]])
        .attr("transform", ([x, y]) => `translate(${plot.x(x)},${plot.y(y)})`);
      lab.movable(marks, plot, {
        move,
        at: (row) => row,
        label: ([x, y, c], i) =>
          t(
            "point {0} of class {1} at {2}, {3}; arrow keys move it, Page Down goes to the next",
            i + 1,
            c,
            show(x),
            show(y),
          ),
        remove,
      });
      // Many points are one stop of the Tab key: Page Down and Page Up go among them.
      const nodes = marks.nodes();
      const at = Math.max(0, nodes.indexOf(document.activeElement));
      marks.attr("tabindex", (_, i) => (i === at || nodes.length <= FEW ? 0 : -1));
      marks.on("keydown.next", (event) => {
        const by = { PageDown: 1, PageUp: -1 }[event.key];
        if (!by) return;
        event.preventDefault();
        const all = dots.selectAll("path").nodes();
        const next = all[(all.indexOf(event.currentTarget) + by + all.length) % all.length];
        if (all.length > FEW) event.currentTarget.setAttribute("tabindex", -1);
        next.setAttribute("tabindex", 0);
        next.focus();
      });
    }

    /** ŷ, or one unit's h brought to 0 … 1, over the plane; a cell more on each side, so that
        the line ŷ = ½ runs out of the picture. */
    function drawMap(model, unit) {
      const wide = CELLS + 2;
      const along = (scale) => {
        const [low, high] = scale.domain();
        return d3.range(wide).map((i) => low + ((i - 0.5) / CELLS) * (high - low));
      };
      const [xs, ys] = [along(plot.x), along(plot.y).reverse()];
      const grid = ys.flatMap((y) => xs.map((x) => [x, y, 1]));
      const { H, yHat } = net.forward(grid, model.W, model.how);
      const values = yHat.map(([p]) => p);
      model.map = { xs, ys, values };
      const shown =
        unit === null
          ? values
          : normal(
              H.map((row) => row[unit]),
              model.how,
            );
      const context = canvas.getContext("2d");
      const image = context.createImageData(wide, wide);
      const pixels = new Uint32Array(image.data.buffer);
      const colours = palette();
      for (let i = 0; i < pixels.length; i++)
        pixels[i] = colours[Math.round(shown[i] * (colours.length - 1))];
      context.putImageData(image, -1, -1);
      const [edge] = d3.contours().size([wide, wide]).thresholds([0.5])(values);
      half.attr("d", d3.geoPath()(edge));
    }

    /** Where each unit's z is 0: there a sigmoid is one half, and a relu has its corner. */
    function drawLines({ W }, unit) {
      const [xs, ys] = [plot.x.domain(), plot.y.domain()];
      const middle = [(xs[0] + xs[1]) / 2, (ys[0] + ys[1]) / 2];
      const far = Math.hypot(xs[1] - xs[0], ys[1] - ys[0]);
      const ends = W[0][0].flatMap((w1, j) => {
        const [w2, b] = [W[0][1][j], W[0][2][j]];
        const norm = Math.hypot(w1, w2);
        const away = (w1 * middle[0] + w2 * middle[1] + b) / norm;
        if (!(Math.abs(away) < far)) return []; // it is not in the picture, or there is none
        const [u, v] = [w1 / norm, w2 / norm];
        const foot = [middle[0] - away * u, middle[1] - away * v];
        return [{ j, ends: [-1, 1].map((k) => [foot[0] - k * far * v, foot[1] + k * far * u]) }];
      });
      lines
        .selectAll("path")
        .data(ends)
        .join("path")
        .attr("class", ({ j }) => (j === unit ? "line green" : "thin grey dashed"))
        .attr("d", (line) => plot.line(line.ends));
    }
  }

  /** A hidden unit's values brought to 0 … 1. */
  function normal(values, { activation }) {
    if (activation === "sigmoid") return values;
    if (activation === "tanh") return values.map((h) => (1 + h) / 2);
    const largest = d3.max(values);
    return values.map((h) => (largest > 0 ? 0.5 + h / largest / 2 : 0.5));
  }

  /** Colours from class 0 over the ground to class 1, as a canvas takes them. */
  let mixed = { key: "", colours: [] };
  function palette() {
    const names = ["blue", "ground", "orange"].map(lab.colour);
    const key = names.join();
    if (key !== mixed.key) {
      const sides = [0, 2].map((k) => d3.interpolateRgb(names[1], names[k]));
      const colours = d3.range(-64, 65).map((k) => {
        const { r, g, b } = d3.rgb(sides[k < 0 ? 0 : 1](0.65 * Math.abs(k / 64)));
        return new DataView(Uint8Array.of(r, g, b, 255).buffer).getUint32(0, true);
      });
      mixed = { key, colours };
    }
    return mixed.colours;
  }

  const padded = ([low, high]) => {
    const by = 0.3 * (high - low) || 1;
    return [low - by, high + by];
  };

  // The network ---------------------------------------------------------------------------------
  const HIGH = 260;
  const ACROSS = [32, 170, 308];
  const spread = (count) => d3.range(count).map((k) => ((k + 0.5) * HIGH) / count);
  const pointed = (bench) => {
    const unit = bench.over ?? bench.focused ?? null;
    return unit !== null && unit < bench.state.hidden ? unit : null;
  };

  function diagram(bench) {
    const title = t("The network (point at a hidden unit: its regions and weights)");
    const svg = d3.create("svg").attr("viewBox", `0 0 340 ${HIGH}`).attr("role", "group");
    bench.picture(title, svg.node());
    const links = svg.append("g").attr("aria-hidden", "true");
    const nodes = svg.append("g");
    const written = svg.append("g").attr("aria-hidden", "true").attr("class", "weights");
    const names = ["x₁", "x₂", "1"];
    const fixed = [
      ...names.map((name, k) => ({ name, x: ACROSS[0], y: spread(3)[k] })),
      { name: "ŷ", x: ACROSS[2], y: HIGH / 2 },
    ];
    const ends = nodes.selectAll("g.end").data(fixed).join("g").attr("class", "end");
    ends.append("circle").attr("class", "node").attr("r", 13);
    ends.append("text").text(({ name }) => name);
    ends.attr("transform", ({ x, y }) => `translate(${x},${y})`);
    let [width, links0] = [0, []];

    return (model) => {
      const q = model.how.hidden;
      if (q !== width) place(q);
      width = q;
      const unit = pointed(bench);
      const weights = links0.map(({ layer, i, j }) => model.W[layer][i][j]);
      links
        .selectAll("path")
        .attr("class", (_, k) => (weights[k] === 0 ? "none" : weights[k] > 0 ? "orange" : "blue"))
        .attr("stroke-width", (_, k) =>
          weights[k] === 0 ? 0.8 : Math.min(8, 0.5 + 0.55 * Math.abs(weights[k])),
        )
        .attr("opacity", ({ layer, i, j }) =>
          unit === null || (layer ? i : j) === unit ? 0.85 : 0.15,
        );
      nodes
        .selectAll("g.unit")
        .classed("dashed", (_, j) => model.stuck[j])
        .attr("aria-label", (_, j) => spoken(model.W, j, model.stuck[j]));
      const shown = links0.flatMap((link, k) =>
        (link.layer ? link.i : link.j) === unit ? [{ ...link, w: weights[k] }] : [],
      );
      written
        .selectAll("text")
        .data(shown)
        .join("text")
        .attr("x", ({ from, to }) => from[0] + 0.42 * (to[0] - from[0]))
        .attr("y", ({ from, to }) => from[1] + 0.42 * (to[1] - from[1]))
        .text(({ w }) => show(w, 3));
      svg.attr(
        "aria-label",
        t("Network: 3 inputs, {0} hidden units, 1 output; {1} weights are 0", q, model.zeros[0]),
      );
    };

    function spoken([W1, W2], j, isStuck) {
      const weights = [W1[0][j], W1[1][j], W1[2][j], W2[j][0]].map((w) => show(w, 3));
      return isStuck
        ? t("h{0}, saturated at every point: weights {1}, {2}, {3}; out {4}", j + 1, ...weights)
        : t("h{0}: weights {1}, {2}, {3}; out {4}", j + 1, ...weights);
    }

    /** The units and connections of q hidden units. */
    function place(q) {
      const radius = Math.min(13, 118 / q);
      const heights = spread(q);
      const [inputs, out] = [spread(3), HIGH / 2];
      links0 = heights.flatMap((y, j) => [
        ...inputs.map((from, i) => ({
          layer: 0,
          i,
          j,
          from: [ACROSS[0] + 13, from],
          to: [ACROSS[1] - radius, y],
        })),
        { layer: 1, i: j, j: 0, from: [ACROSS[1] + radius, y], to: [ACROSS[2] - 13, out] },
      ]);
      links
        .selectAll("path")
        .data(links0)
        .join("path")
        .attr("d", ({ from, to }) => `M${from}L${to}`);
      const units = nodes
        .selectAll("g.unit")
        .data(heights)
        .join((enter) => {
          const made = enter.append("g").attr("class", "unit").attr("tabindex", 0);
          made.attr("role", "img");
          made.append("circle").attr("class", "node");
          made.append("text");
          const point = (key, value) => {
            bench[key] = value;
            bench.change();
          };
          const index = (event) => nodes.selectAll("g.unit").nodes().indexOf(event.currentTarget);
          return made
            .on("pointerenter", (event) => point("over", index(event)))
            .on("pointerleave", () => point("over", null))
            .on("focus", (event) => point("focused", index(event)))
            .on("blur", () => point("focused", null))
            .on("keydown", (event) => {
              if (event.key === "Escape") event.currentTarget.blur();
            });
        });
      units.attr("transform", (y) => `translate(${ACROSS[1]},${y})`);
      units.select("circle").attr("r", radius);
      units.select("text").text((_, j) => (q > 10 ? j + 1 : `h${j + 1}`));
      units.classed("small", q > 10);
    }
  }

  // The curves ----------------------------------------------------------------------------------
  function curves(bench) {
    const x = t("step");
    const cost = bench.plot(t("Cost J after each step"), { x, y: "J", height: 220 });
    const sizes = bench.plot(t("Size of the gradients: W₁ solid, W₂ dashed"), {
      x,
      logy: true,
      height: 220,
    });
    const shares = bench.plot(t("Share saturated: hidden units solid, output dashed"), {
      x,
      y: t("share"),
      height: 220,
    });
    const line = (plot, kind) => plot.marks.append("path").attr("class", `line ${kind}`);
    const fall = line(cost, "orange");
    const pair = (plot) => [line(plot, "blue"), line(plot, "orange dashed")];
    const [inSizes, inShares] = [pair(sizes), pair(shares)];

    return (model) => {
      const last = 1.03 * ceiling(Math.max(20, model.step)); // the last number has room
      const every = Math.ceil((model.step + 1) / 400); // no more than can be seen
      const rows = d3.range(0, model.step + 1, every);
      if (rows.at(-1) !== model.step) rows.push(model.step);
      const curve = (values, k) => rows.map((i) => [i, k === undefined ? values[i] : values[i][k]]);
      const top = d3.max(rows, (i) => model.costs[i]);
      cost.scale([0, last], [0, Number.isFinite(top) ? ceiling(top) || 1 : 1]);
      fall.attr("d", cost.line(curve(model.costs)));
      const seen = rows.flatMap((i) => model.sizes[i]).filter((v) => v > 1e-12 && v < 1e12);
      const [low, high] = (seen.length ? d3.extent(seen) : [0.1, 1]).map(
        (v, k) => 10 ** (Math.floor(Math.log10(v)) + k),
      );
      sizes.scale([0, last], [low, high]);
      shares.scale([0, last], [-0.03, 1.03]);
      for (const k of [0, 1]) {
        // A gradient of 0, which has no logarithm, lies on the lower edge.
        const drawn = curve(model.sizes, k).map(([i, v]) => [i, Math.max(v, low)]);
        inSizes[k].attr("d", sizes.line(drawn));
        inShares[k].attr("d", shares.line(curve(model.saturated, k)));
      }
      describe(model);
    };

    function describe({ costs, sizes: all, saturated, step }) {
      cost.svg.attr("aria-label", t("Cost: {0} after {1} steps", show(costs.at(-1)), step));
      sizes.svg.attr(
        "aria-label",
        t("Gradients: size {0} for W₁, {1} for W₂", ...all.at(-1).map((v) => show(v, 3))),
      );
      shares.svg.attr(
        "aria-label",
        t(
          "Saturated: {0} of the hidden values, {1} of the outputs",
          ...saturated.at(-1).map(percent),
        ),
      );
    }
  }

  const percent = (share) => `${Math.round(100 * share)} %`;
  /** 1, 2 or 5 times a power of ten, not below the value: axes that seldom change. */
  const ceiling = (value) => {
    if (!(value > 0)) return 0;
    const power = 10 ** Math.floor(Math.log10(value));
    return [1, 2, 5, 10].map((k) => k * power).find((v) => v >= value) ?? 10 * power;
  };

  function python(state) {
    const own = state.points.map((row) => `(${row.join(", ")})`).join(", ");
    const { hidden, activation, cost, rate, l1, l2, low, high, seed } = settings(state);
    const rest = [
      `hidden=${hidden}`,
      `activation="${activation}"`,
      `cost="${cost}"`,
      `learning_rate=${rate}`,
      `steps=${state.step}`,
      ...(l1 ? [`l1=${l1}`] : []),
      ...(l2 ? [`l2=${l2}`] : []),
      ...(state.start === "positive" ? [] : [`start=(${low}, ${high})`]),
      `seed=${seed}`,
    ];
    return [
      ...(state.data === "own" ? ["import numpy as np"] : []),
      "from course import lab",
      "",
      ...(state.data === "own"
        ? [`points = np.array([${own}])`, "X, y = points[:, :2], points[:, 2]"]
        : [`X, y = lab.network_points("${state.data}")`]),
      `W1, W2, costs = lab.train_network(X, y, ${rest.join(", ")})`,
      'print("J:", costs[-1])',
      'print("W1:", W1, "W2:", W2, sep="\\n")',
    ].join("\n");
  }

  lab.define("network", {
    version: 1,
    title: t("Bench: a two-layer network"),
    state: {
      data: lab.choice("xor", SETS),
      points: classified(OWN),
      adds: lab.choice("1", ["0", "1"]),
      hidden: lab.whole(4, 1, 16),
      activation: lab.choice("sigmoid", Object.keys(net.ACTIVATIONS)),
      cost: lab.choice("squared error", ["squared error", "cross entropy"]),
      rate: lab.number(1, 1e-3, 10),
      l1: lab.choice("0", PENALTIES),
      l2: lab.choice("0", PENALTIES),
      start: lab.choice("positive", Object.keys(STARTS)),
      seed: lab.whole(0, 0, 99),
      speed: lab.choice("5", ["1", "5", "20", "100"]),
      step: lab.whole(0, 0, STEPS),
    },
    start,
    python,
  });
})(window.lab);
