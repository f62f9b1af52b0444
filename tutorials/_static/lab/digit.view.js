/* The bench of lesson 11: draw a digit, and see every layer of the network at work. */
((lab) => {
  const { t, show, element } = lab;
  const { Maps, largest, paint, step } = lab.pixels;
  const { PAPER, SIDE, LAYERS } = lab.digit;
  const DRAWING = "drawing";
  const APART = 4; // pixels of the paper between two points of a stroke, at least
  const MOST = 600; // points of a drawing: what a link can carry
  const NAMES = Object.keys(LAYERS).filter((name) => name !== "picture");

  // The state's fields --------------------------------------------------------------------------
  const strokesField = {
    value: [],
    check(strokes) {
      const points = strokes.flat();
      const inside = (v) => Number.isInteger(v) && v >= 0 && v < PAPER;
      if (points.length > MOST) throw new RangeError(t("there are more than {0} points", MOST));
      if (!points.every(([x, y]) => inside(x) && inside(y)))
        throw new RangeError(t("a point is outside the paper"));
      return strokes;
    },
    read: lab.digit.parsed,
    write: lab.digit.written,
  };
  const lookField = {
    value: ["first", 11, 11, 0],
    check(look) {
      const shape = LAYERS[look[0]]?.shape;
      const inside = (v, d) => Number.isInteger(v) && v >= 0 && v < shape[d];
      if (
        !NAMES.includes(look[0]) ||
        look.length !== shape.length + 1 ||
        !look.slice(1).every(inside)
      )
        throw new RangeError(t("it is no place in a layer"));
      return look;
    },
    read: (text) => text.split(",").map((part, i) => (i ? Number(part) : part)),
    write: (look) => look.join(","),
  };

  /** {key: row of the data}: "7" is the first seven, "7b" the hardest of the others. */
  const samples = ({ classes = [] }) =>
    Object.fromEntries(classes.map((k, i) => [i < classes.length / 2 ? `${k}` : `${k}b`, i]));

  /** A table of numbers with the colours of their sizes. */
  class Table {
    constructor(side) {
      this.cells = Array.from({ length: side * side }, () => element("td"));
      const rows = Array.from({ length: side }, (_, i) =>
        element("tr", {}, ...this.cells.slice(i * side, (i + 1) * side)),
      );
      this.table = element("table", {}, element("tbody", {}, ...rows));
    }

    fill(values, scale) {
      values.forEach((v, k) => {
        const share = scale > 0 ? Math.min(1, Math.abs(v) / scale) : 0;
        const colour = `var(--lab-${v > 0 ? "red" : "blue"})`;
        this.cells[k].textContent = v.toFixed(2).replace("-0.00", "0.00").replace("-", "−");
        this.cells[k].style.background =
          `color-mix(in srgb, ${colour} ${(60 * share).toFixed(0)}%, var(--lab-ground))`;
      });
    }
  }

  // The bench -----------------------------------------------------------------------------------
  function start(bench) {
    const rows = samples(bench.data);
    const { classes, rows: numbers } = bench.data;
    const weights = bench.data.weights.map(lab.digit.unpacked);
    const pixels = lab.digit.unpacked(bench.data.samples);
    const words = { [DRAWING]: t("your drawing") };
    for (const [key, row] of Object.entries(rows))
      words[key] = key.endsWith("b")
        ? t("test digit {0}, a {1}, the hardest of the others", numbers[row], classes[row])
        : t("test digit {0}, a {1}", numbers[row], classes[row]);
    bench.select("picture", t("Picture"), words);
    const pen = bench.slider("pen", t("Width of the pen"), { step: 1 });
    const head = element("span", { class: "bench-label" }, t("Drawing"));
    const buttons = element("div", { class: "bench-buttons" });
    bench.control(head, buttons);
    const undo = bench.button(
      t("Undo"),
      () => bench.set({ strokes: bench.state.strokes.slice(0, -1) }),
      buttons,
    );
    bench.button(t("Clear"), () => bench.set({ picture: DRAWING, strokes: [] }), buttons);

    const invitation = t("Paper: draw a digit (with a finger, tap the paper first)");
    const paper = bench.canvas(invitation, PAPER, PAPER);
    paper.classList.add("digit-paper");
    const titles = {
      picture: [t("What the network gets: 28×28 pixels"), 1],
      first: [t("First convolution, 5×5 and tanh: 4 maps of 24×24"), 4],
      second: [t("Second convolution, 3×3 and tanh: 8 maps of 22×22"), 4],
      pooled: [t("Max pooling: 8 maps of 11×11"), 4],
      third: [t("Third convolution, 3×3 and relu: 16 maps of 9×9"), 8],
      small: [t("Max pooling: 16 maps of 4×4"), 8],
      hidden: [t("Dense layer and tanh: 128 numbers"), 1],
    };
    const bars = makeBars(bench); // beside the paper, to be seen while drawing
    const figures = { output: bars.figure };
    const maps = {};
    for (const [name, [title, columns]] of Object.entries(titles)) {
      maps[name] = new Maps(title, LAYERS[name].shape, columns);
      figures[name] = bench.picture(title, maps[name].wrap);
      if (name !== "picture") choosable(bench, name, maps[name]);
    }
    const lens = makeLens(bench);
    const narrow = matchMedia("(max-width: 600px)");
    drawable(bench, paper);
    bench.restored = (state) => {
      bench.kept = `${state.look}` !== `${lookField.value}`; // a link's pixel stays
    };

    let painted = ""; // what is on the paper
    let ink = new Float32Array(PAPER * PAPER);
    let pieces = [];
    /** The ink of the strokes; only new pieces are drawn where the old ones stand. */
    function inked({ strokes, pen: width }) {
      const now = lab.digit.pieces(strokes).map(([from, to]) => [from, to, width]);
      const same = pieces.length <= now.length && pieces.every((p, k) => `${p}` === `${now[k]}`);
      if (!same) {
        ink = new Float32Array(PAPER * PAPER);
        pieces = [];
      }
      for (const [from, to] of now.slice(pieces.length)) lab.digit.drawPiece(ink, width, from, to);
      pieces = now;
      return ink;
    }
    const none = Object.fromEntries(
      Object.entries(LAYERS).map(([name, { shape }]) => [
        name,
        new Float64Array(shape.reduce((product, n) => product * n)),
      ]),
    );

    return (state) => {
      const drawing = state.picture === DRAWING;
      const { strokes, look } = state;
      const row = rows[state.picture];
      const right = drawing ? null : classes[row];
      const key = drawing ? `${state.pen} ${lab.digit.written(strokes)}` : state.picture;
      const colours = lab.colour("ground");
      if (`${key} ${colours}` !== painted) {
        painted = `${key} ${colours}`;
        const picture = drawing
          ? lab.digit.centred(inked(state))
          : pixels.subarray(row * SIDE * SIDE, (row + 1) * SIDE * SIDE);
        const layers = picture ? lab.digit.forward(picture, weights) : null;
        bench.model = { ink: drawing ? ink : null, picture, layers };
        const [onPaper, side] = drawing ? [ink, PAPER] : [picture, SIDE];
        paint(paper, onPaper, [side, side, 1], 1, 1, true);
        if (!picture) invite(paper);
        paintLayers(layers ?? none);
        bars.fill((layers ?? none).output, layers, right);
      }
      const { layers } = bench.model;
      paper.classList.toggle("digit-drawing", drawing);
      pen.disabled = !drawing;
      undo.disabled = !drawing || !strokes.length;
      drawLens(look, layers);
      bench.values(layers ? read(layers.output, right) : {});
      if (!layers) bench.say(t("Nothing is drawn: there is no picture to read. Draw a digit."));
      else if (drawing && strokes.flat().length >= MOST)
        bench.say(t("The drawing has {0} points, and more do not fit into a link.", MOST));
    };

    function paintLayers(layers) {
      maps.picture.paint(layers.picture, 1, true);
      for (const name of NAMES.slice(0, -1)) {
        const below = LAYERS[name].activation ?? LAYERS[LAYERS[name].from].activation;
        maps[name].paint(layers[name], below === "tanh" ? 1 : largest(layers[name]));
      }
    }

    function read(p, right) {
      const digit = p.indexOf(Math.max(...p));
      const rivals = p.filter((_, k) => k !== digit);
      const second = p.indexOf(Math.max(...rivals));
      return {
        [t("read as")]: String(digit),
        [t("its probability")]: p[digit],
        [t("next")]: t("{0}, with {1}", second, show(p[second], 3)),
        ...(right === null
          ? {}
          : { [t("cost, −ln p of the right digit")]: -Math.log(Math.max(p[right], 1e-7)) }),
      };
    }

    function drawLens([name, ...place], layers) {
      const unit = layers ? lab.digit.made(name, place, layers, weights) : null;
      bench.model.unit = unit;
      const { from, size, at } = LAYERS[name];
      for (const [other, map] of Object.entries(maps)) {
        let squares = [];
        if (other === name) {
          const [i, j, f] = map.list ? [Math.floor(place[0] / 16), place[0] % 16, 0] : place;
          squares = [[i, j, f, 1]];
        } else if (other === from && place.length === 3) {
          const [i, j, f] = place;
          if (at === undefined) squares = [[2 * i, 2 * j, f, 2]];
          else squares = Array.from({ length: map.shape[2] }, (_, c) => [i, j, c, size]);
        }
        map.frame(squares, other === name ? "maps-one" : "maps-some");
      }
      bars.mark(name === "output" ? place[0] : null);
      lens.fill(name, place, unit);
      follow(figures[narrow.matches ? name : "hidden"]);
    }

    /** The panel comes after this layer, which stays where it is on the screen. */
    function follow(figure) {
      if (figure.nextSibling === lens.figure) return;
      const before = figure.getBoundingClientRect().top;
      figure.after(lens.figure);
      scrollBy({ top: figure.getBoundingClientRect().top - before, behavior: "instant" });
    }
  }

  function invite(paper) {
    const context = paper.getContext("2d");
    context.fillStyle = lab.colour("muted");
    context.font = "16px sans-serif";
    context.textAlign = "center";
    context.fillText(t("Draw a digit here"), PAPER / 2, PAPER / 2);
  }

  /** Ten bars. */
  function makeBars(bench) {
    const made = Array.from({ length: 10 }, (_, k) => {
      const bar = element("span", { class: "digit-bar" });
      const number = element("span", { class: "digit-number" });
      const row = element(
        "div",
        { class: "digit-row" },
        element("b", {}, String(k)),
        element("span", { class: "digit-track" }, bar),
        number,
      );
      row.addEventListener("pointermove", (event) => {
        const same = `${bench.state.look}` === `output,${k}`;
        if (event.pointerType === "mouse" && !bench.kept && !same)
          bench.set({ look: ["output", k] });
      });
      row.addEventListener("click", () => keep(bench, ["output", k]));
      return { row, bar, number };
    });
    const title = t("Dense layer and softmax: the probabilities");
    const rows = made.map(({ row }) => row);
    const box = element("div", { class: "digit-bars", tabindex: 0, role: "group" }, ...rows);
    box.setAttribute("aria-label", t("{0}; arrow keys choose one", title));
    box.addEventListener("keydown", (event) => {
      const down = step(event)?.[1];
      if (!down) return;
      event.preventDefault();
      bench.kept = true;
      const [layer, k] = bench.state.look;
      const next = layer === "output" ? Math.max(0, Math.min(9, k + down)) : 0;
      bench.set({ look: ["output", next] });
    });
    return {
      figure: bench.picture(title, box),
      fill(p, there, right) {
        const top = Math.max(...p);
        made.forEach(({ row, bar, number }, k) => {
          bar.style.width = `${100 * p[k]}%`;
          bar.classList.toggle("digit-top", p[k] === top);
          row.classList.toggle("digit-right", k === right);
          number.textContent = there ? p[k].toFixed(3) : "–";
        });
      },
      mark(k) {
        made.forEach(({ row }, n) => {
          row.classList.toggle("digit-chosen", n === k);
        });
      },
    };
  }

  /** Keep what was clicked, or, where it was kept, follow the pointer again. */
  function keep(bench, look) {
    bench.kept = !(bench.kept && `${look}` === `${bench.state.look}`);
    bench.set({ look });
  }

  /** Choose a pixel of a layer's maps: by pointer, by a click to keep it, by arrow keys. */
  function choosable(bench, name, maps) {
    const { wrap } = maps;
    maps.canvas.setAttribute("tabindex", 0);
    maps.canvas.setAttribute("aria-label", t("{0}; arrow keys choose a pixel", maps.title));
    const look = (place) => {
      const now = [name, ...place];
      if (`${now}` !== `${bench.state.look}`) bench.set({ look: now });
    };
    wrap.addEventListener("pointermove", (event) => {
      const place = maps.at(event);
      if (event.pointerType === "mouse" && !bench.kept && place) look(place);
    });
    wrap.addEventListener("click", (event) => {
      const place = maps.at(event);
      if (place) keep(bench, [name, ...place]);
    });
    maps.canvas.addEventListener("keydown", (event) => {
      const steps = step(event);
      if (!steps) return;
      event.preventDefault();
      bench.kept = true;
      const [layer, ...place] = bench.state.look;
      const middle = maps.list
        ? [0]
        : [Math.floor(maps.shape[0] / 2), Math.floor(maps.shape[1] / 2), 0];
      look(layer === name ? maps.beside(place, ...steps) : middle);
    });
  }

  /** How the chosen number is made: patch, filter, products, and the sum. */
  function makeLens(bench) {
    const parts = ["patch", "filter", "products"].map((part) => {
      const five = new Table(5);
      const two = part === "patch" ? new Table(2) : null;
      const maps = new Maps(part, [1, 1, 1]);
      const label = element("span", { class: "bench-label" });
      const box = element("div", {}, label, five.table, ...(two ? [two.table] : []), maps.wrap);
      for (const kind of ["pointermove", "click"])
        maps.wrap.addEventListener(kind, (event) => point(maps.at(event)));
      maps.canvas.setAttribute("tabindex", 0);
      maps.canvas.addEventListener("keydown", (event) => {
        const steps = step(event);
        if (!steps) return;
        event.preventDefault();
        point(maps.beside(term, ...steps));
      });
      return { part, five, two, maps, label, box };
    });
    const one = element("p", { role: "status" });
    const line = element("p", { role: "status" });
    const terms = element("div", { class: "digit-terms" }, ...parts.map(({ box }) => box));
    const figure = bench.picture("", terms, one, line);
    figure.classList.add("digit-lens");
    const caption = figure.querySelector("figcaption");
    const layers = {
      first: t("first convolution"),
      second: t("second convolution"),
      pooled: t("first max pooling"),
      third: t("third convolution"),
      small: t("second max pooling"),
      hidden: t("dense layer"),
      output: t("the probabilities"),
    };

    let term = null; // [i, j, f]: one number of the patch, its weight and their product
    let chosen = ""; // for which number of the network it was chosen
    let many = null; // the chosen number of the network, where it is made of too many for a table
    function point(place) {
      if (!place || !many) return;
      term = place;
      chosen = `${bench.state.look}`;
      tell();
    }
    function tell() {
      const { patch, filter, products } = many;
      const [, width, channels] = parts[0].maps.shape;
      if (chosen !== `${bench.state.look}`) {
        const k = products.reduce(
          (best, v, i) => (Math.abs(v) > Math.abs(products[best]) ? i : best),
          0,
        );
        term = [Math.floor(k / channels / width), Math.floor(k / channels) % width, k % channels];
      }
      const [i, j, f] = term;
      const k = (i * width + j) * channels + f;
      const numbers = [patch, filter, products].map((values) => show(values[k], 3));
      one.textContent =
        chosen === `${bench.state.look}`
          ? t("The framed product: {0} × {1} = {2}", ...numbers)
          : t("The largest product: {0} × {1} = {2} (point at another)", ...numbers);
      for (const { maps } of parts) maps.frame([[i, j, f, 1]], "maps-one");
    }

    return {
      figure,
      fill(name, place, unit) {
        const { from, size, at } = LAYERS[name];
        const where = `a[${place.join(", ")}]`;
        const words =
          place.length === 3
            ? t("{0}, row {1}, column {2}, map {3}", layers[name], ...place)
            : t("{0}, number {1}", layers[name], ...place);
        caption.textContent = bench.kept
          ? t("How {0} is made, {1} (kept; click it again to follow the pointer)", where, words)
          : t("How {0} is made, {1} (point at a map to choose, click to keep)", where, words);
        const pooling = at === undefined;
        const channels = LAYERS[from].shape[2] ?? 1;
        many = unit && name !== "first" && !pooling ? unit : null;
        for (const { part, five, two, maps, label, box } of parts) {
          const values = unit?.[part];
          box.hidden = !values;
          if (!values) continue;
          five.table.hidden = name !== "first";
          if (two) two.table.hidden = !pooling;
          maps.wrap.hidden = !many;
          const count = values.length;
          label.textContent = {
            patch: pooling
              ? t("The 2×2 square of the layer before")
              : size
                ? t("Patch: {0} numbers of the layer before", count)
                : t("All {0} numbers of the layer before", count),
            filter: size ? t("× filter {0}", place[2]) : t("× weights"),
            products: t("= products"),
          }[part];
          if (name === "first") five.fill(values, part === "patch" ? 1 : largest(values));
          else if (pooling) two.fill(values, largest(values));
          else {
            const side = size ?? LAYERS[from].shape[0];
            maps.shape = name === "output" ? [8, 16, 1] : [side, side, channels];
            maps.columns = { second: 2, third: 4, hidden: 4, output: 1 }[name];
            maps.paint(values, largest(values));
            const title = t("{0}; arrow keys choose a pixel", label.textContent);
            maps.canvas.setAttribute("aria-label", title);
          }
        }
        if (many) tell();
        else one.textContent = "";
        line.textContent = unit ? sentence(LAYERS[name].activation, unit) : "";
      },
    };
  }

  function sentence(activation, { sum, b, z, a }) {
    const n = (v) => show(v, 4);
    if (sum === undefined) return t("The largest of the four: a = {0}", n(a));
    const added = `${n(sum)} ${b < 0 ? "−" : "+"} ${n(Math.abs(b))}`;
    const made = t("z = sum of the products + b = {0} = {1}", added, n(z));
    const last = {
      tanh: t("a = tanh z = {0}", n(a)),
      relu: t("a = max(z, 0) = {0}", n(a)),
      softmax: t("p = exp z, divided by the sum of all ten exp z, = {0}", n(a)),
    }[activation];
    return `${made};  ${last}`;
  }

  /** Strokes by mouse, pen or finger. */
  function drawable(bench, paper) {
    let [pointer, tapped] = [null, null]; // the pointer that draws, the finger that may tap
    const place = (event) => {
      const box = paper.getBoundingClientRect();
      const whole = (v, from, size) =>
        Math.max(0, Math.min(PAPER - 1, Math.round(((v - from) / size) * PAPER - 0.5)));
      return [whole(event.clientX, box.left, box.width), whole(event.clientY, box.top, box.height)];
    };
    const room = () => bench.state.strokes.flat().length < MOST;
    paper.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || pointer !== null) return;
      // A finger on a test digit may want to scroll the page; if it only taps, the paper is cleared.
      if (event.pointerType !== "mouse" && bench.state.picture !== DRAWING) {
        tapped = event.pointerId;
        return;
      }
      event.preventDefault();
      const before = bench.state.picture === DRAWING ? bench.state.strokes : [];
      if (before.length && !room()) return;
      pointer = event.pointerId;
      if (event.isTrusted) paper.setPointerCapture(pointer);
      bench.set({ picture: DRAWING, strokes: [...before, [place(event)]] });
    });
    paper.addEventListener("pointermove", (event) => {
      if (event.pointerId !== pointer) return;
      const strokes = [...bench.state.strokes];
      const stroke = [...(strokes.pop() ?? [])];
      const others = strokes.flat().length;
      const passed = event.getCoalescedEvents?.() ?? [];
      for (const one of passed.length ? passed : [event]) {
        const [x, y] = place(one);
        const [x0, y0] = stroke.at(-1) ?? [-APART, -APART];
        const far = (x - x0) * (x - x0) + (y - y0) * (y - y0) >= APART * APART;
        if (far && others + stroke.length < MOST) stroke.push([x, y]);
      }
      bench.set({ strokes: [...strokes, stroke] });
    });
    const end = (event) => {
      if (event.pointerId === pointer) pointer = null;
      if (event.pointerId !== tapped) return;
      tapped = null;
      if (event.type === "pointerup") bench.set({ picture: DRAWING, strokes: [] });
    };
    paper.addEventListener("pointerup", end);
    paper.addEventListener("pointercancel", end);
  }

  // Python --------------------------------------------------------------------------------------
  function python(state, bench) {
    const [name, ...place] = state.look;
    const layer = ["first", "second", "pooled", "third", "small", "flat", "hidden", "output"];
    const row = samples(bench.data)[state.picture];
    const points = (stroke) => {
      const lines = [];
      for (let k = 0; k < stroke.length; k += 8)
        lines.push(
          stroke
            .slice(k, k + 8)
            .map(([x, y]) => `(${x}, ${y})`)
            .join(", "),
        );
      return `    [${lines.join(",\n     ")}],`;
    };
    const drawing = state.picture === DRAWING;
    if (drawing && !state.strokes.length) return "# Nothing is drawn: there is no picture to read.";
    return [
      "from course import lab, lesson11",
      "",
      "# The network of this page: its weights are read from the page's own data.",
      `page = lab.read_page(${JSON.stringify(lab.dataAddress("digit"))})`,
      ...(drawing
        ? [
            "strokes = [",
            ...state.strokes.map(points),
            "]",
            `picture = lab.centred(lab.draw_strokes(strokes, pen=${state.pen}))`,
          ]
        : [`picture = page["samples"][${row}]  # X_test[${bench.data.rows[row]}] of lesson 11`]),
      'layers = lesson11.forward(picture[None, :, :, None], page["weights"])',
      "p = layers[-1][0]",
      'print("probabilities", p.round(4))',
      `a = layers[${layer.indexOf(name)}][0, ${place.join(", ")}]`,
      `print("a[${place.join(", ")}] =", a)`,
    ].join("\n");
  }

  lab.define("digit", {
    version: 1,
    title: t("Bench: a network reads your digit"),
    state: (data) => ({
      picture: lab.choice("7", [DRAWING, ...Object.keys(samples(data))]),
      strokes: strokesField,
      pen: lab.whole(28, 6, 60),
      look: lookField,
    }),
    start,
    python,
  });
})(window.lab);
