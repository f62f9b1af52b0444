/* What every bench has: a state that a link can carry, controls, pictures, one line for messages.

   A bench is defined by lab.define(name, {version, title, state, start, python}):
     state    {field: lab.number(…) | lab.choice(…) | lab.flag(…) | lab.points(…) | lab.text(…)}
     start    start(bench): makes the controls and pictures once; returns draw(bench.state),
              which is called after each change, once a frame at most
     python   python(state): lines of Python that compute what is on the screen */
((lab) => {
  // From texts.js: lab.texts, {English: translation}, and lab.data, which data/*.js fill with
  // {bench: what its lesson's run gave}.
  lab.benches = {}; // {name: bench} on this page
  const definitions = {};

  /** A text in the page's language; {0}, {1} … stand for the values. */
  lab.t = (text, ...values) => (lab.texts[text] ?? text).replace(/\{(\d)\}/g, (_, i) => values[i]);
  const t = lab.t;

  /** A number as it is read: so many significant digits, no NaN. */
  lab.show = (value, digits = 5) => {
    if (!Number.isFinite(value)) return "–";
    if (value === 0) return "0";
    const size = Math.abs(value);
    const text =
      size >= 1e6 || size < 1e-4
        ? value
            .toExponential(digits - 1)
            .replace(/\.?0*e/, "e")
            .replace("e+", "e")
        : String(Number(value.toPrecision(digits)));
    const [number, power] = text.split("e");
    const raised = power && [...power].map((c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c] ?? "⁻").join("");
    return (power ? `${number}×10${raised}` : number).replace("-", "−");
  };

  // A state's fields: the value at first, and how it is read from a link ------------------------
  // What is wrong with an input is a sentence without its full stop: "it is not a number".
  const fault = (text, ...values) => {
    throw new RangeError(t(text, ...values));
  };
  const numeric = (text) => (text.trim() === "" ? Number.NaN : Number(text));
  lab.number = (value, low, high, whole = false) => ({
    value,
    low,
    high,
    check(x) {
      if (typeof x !== "number" || Number.isNaN(x)) fault("it is not a number");
      if (whole && !Number.isInteger(x)) fault("it is not a whole number");
      if (x < low || x > high)
        fault("it is not between {0} and {1}", lab.show(low), lab.show(high));
      return x;
    },
    read: numeric,
    write: String,
  });
  lab.whole = (value, low, high) => lab.number(value, low, high, true);
  lab.choice = (value, options) => ({
    value,
    options,
    check: (x) => (options.includes(x) ? x : fault("it is none of {0}", options.join(", "))),
    read: (text) => text,
    write: String,
  });
  lab.flag = (value) => ({
    value,
    check: (x) => (typeof x === "boolean" ? x : fault("it is neither 0 nor 1")),
    read: (text) => ({ 0: false, 1: true })[text],
    write: (x) => (x ? "1" : "0"),
  });
  /** Rows of numbers. */
  lab.points = (value, columns, { least = 2, most = 200, limit = 1e6 } = {}) => ({
    value,
    check(rows) {
      if (!Array.isArray(rows) || rows.length < least)
        fault("there are fewer than {0} points", least);
      if (rows.length > most) fault("there are more than {0} points", most);
      const end = limit.toLocaleString("en");
      for (const row of rows) {
        if (row.length !== columns) fault("a row does not have {0} numbers", columns);
        if (!row.every((x) => Number.isFinite(x) && Math.abs(x) <= limit))
          fault("not every value is a number between {0} and {1}", `−${end}`, end);
      }
      return rows;
    },
    read: (text) => text.split(";").map((row) => row.split(",").map(numeric)),
    write: (rows) => rows.map((row) => row.join(",")).join(";"),
  });
  lab.text = (value, pattern) => ({
    value,
    check: (x) => (pattern.test(x) ? x : fault("it cannot be read")),
    read: (text) => text,
    write: String,
  });

  /** Two or more columns pasted as text: commas, semicolons, tabs or blanks between them. */
  lab.pasted = (text, columns, most = 200) => {
    const lines = text.split(/\r?\n/).filter((line) => line.trim());
    if (lines.length > most)
      fault("{0} rows were pasted; this bench takes {1} at most.", lines.length, most);
    const rows = lines.map((line) =>
      line
        .trim()
        .split(/[,;\s]+/)
        .map(numeric),
    );
    const head = rows.length > 1 && rows[0].every(Number.isNaN) ? 1 : 0; // the columns' names
    for (const [i, row] of rows.entries())
      if (i >= head && (row.length !== columns || row.some((x) => !Number.isFinite(x))))
        fault("Row {0}, “{1}”: {2} numbers are needed.", i + 1, lines[i].slice(0, 30), columns);
    return rows.slice(head);
  };

  // Elements ------------------------------------------------------------------------------------
  /** An element: lab.element("button", {type: "button"}, "Run", …children). */
  lab.element = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const element = lab.element;
  let ids = 0;

  /** A colour of the page, which depends on light and dark: lab.colour("blue"). */
  lab.colour = (name) => {
    const from = document.querySelector(".bench") ?? document.body;
    return getComputedStyle(from).getPropertyValue(`--lab-${name}`).trim();
  };
  /** Where a bench's data lie, for Python to read. */
  lab.dataAddress = (name) =>
    document.querySelector(`script[src*="lab/data/${name}.js"]`).src.split("?")[0];
  lab.still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

  class Bench {
    constructor(name, place) {
      Object.assign(this, { name, definition: definitions[name], place });
      this.data = lab.data[name] ?? {};
      this.fields =
        typeof this.definition.state === "function"
          ? this.definition.state(this.data)
          : this.definition.state;
      this.state = this.first();
      this.refreshers = []; // each brings a control in step with the state
      this.told = { text: "" }; // of an input
      this.drawn = { text: "" }; // of a result
      this.spent = []; // milliseconds of script of each drawing
      this.parts = {};
      for (const part of ["controls", "pictures", "values"])
        this.parts[part] = element("div", { class: `bench-${part}` });
      this.parts.message = element("p", { class: "bench-message", role: "status" });
      this.parts.foot = element("div", { class: "bench-foot" });
      const { title } = this.definition;
      place.replaceChildren(...Object.values(this.parts));
      place.setAttribute("role", "group");
      place.setAttribute("aria-label", title);
      place.classList.add("bench-live");
      this.draw = this.definition.start(this);
      // On a narrow screen the control that was used last stays in view (lab.css).
      for (const kind of ["pointerdown", "focusin"])
        place.addEventListener(kind, ({ target }) => this.use(target.closest(".bench-control")));
      this.finish();
      this.read();
      addEventListener("hashchange", () => this.read());
      // Light or dark was chosen: pictures that are painted take their colours anew.
      new MutationObserver(() => this.change()).observe(document.documentElement, {
        attributeFilter: ["data-theme"],
      });
    }

    first() {
      const copy = (x) => (Array.isArray(x) ? x.map(copy) : x);
      return Object.fromEntries(
        Object.entries(this.fields).map(([key, field]) => [key, copy(field.value)]),
      );
    }

    /** Change fields of the state; what cannot be is said, and nothing changes. */
    set(changes) {
      for (const [key, value] of Object.entries(changes))
        try {
          this.fields[key].check(value);
        } catch (problem) {
          this.complain(t("{0}: {1}.", key, problem.message));
          return false;
        }
      Object.assign(this.state, changes);
      this.say("");
      this.change();
      return true;
    }

    /** Draw in the next frame, and write the state into the address. */
    change() {
      if (this.waiting) return;
      this.waiting = true;
      requestAnimationFrame(() => {
        this.waiting = false;
        this.update();
      });
    }

    update() {
      const start = performance.now();
      this.drawing = true;
      this.say("");
      this.draw(this.state);
      this.drawing = false;
      for (const refresh of this.refreshers) refresh(this.state);
      this.spent.push(performance.now() - start);
      if (this.spent.length > 1000) this.spent.shift();
      clearTimeout(this.writing);
      this.writing = setTimeout(() => this.write(), 250);
    }

    /** The state as a link's fragment: only what differs from the first state. */
    fragment() {
      const first = this.first();
      const changed = Object.entries(this.fields)
        .map(([key, field]) => [key, field.write(this.state[key]), field.write(first[key])])
        .filter(([, now, before]) => now !== before)
        .map(([key, now]) => `&${key}=${encodeURIComponent(now)}`);
      return `#${this.name}:v=${this.definition.version}${changed.join("")}`;
    }

    write() {
      const fragment = this.fragment();
      const mine = location.hash.startsWith(`#${this.name}:`);
      if (!mine && fragment.split("&").length === 1) return; // nothing to be told
      if (location.hash !== fragment) history.replaceState(null, "", fragment);
    }

    /** The first state again. */
    reset() {
      this.stop?.();
      if (location.hash.startsWith(`#${this.name}:`))
        history.replaceState(null, "", location.href.split("#")[0]);
      this.read();
    }

    /** Take the state from the address, as far as it can be read. */
    read() {
      const [, name, text] = /^#(\w+):(.*)$/.exec(location.hash) ?? [];
      this.state = this.first();
      let said = "";
      if (name === this.name) {
        const pairs = text.split("&").map((pair) => pair.split("="));
        const version = Number(new Map(pairs).get("v"));
        if (version !== this.definition.version)
          said = t("This link is from another version of the page; the bench starts as new.");
        else
          for (const [key, value = ""] of pairs.slice(1)) {
            const field = Object.hasOwn(this.fields, key) ? this.fields[key] : null;
            try {
              if (!field) fault("it is unknown here");
              this.state[key] = field.check(field.read(decodeURIComponent(value)));
            } catch (problem) {
              const why = problem instanceof RangeError ? problem.message : t("it cannot be read");
              said = t("The link's {0} was left out: {1}.", key.slice(0, 20), why);
            }
          }
        this.place.scrollIntoView({ block: "nearest" });
      }
      this.restored?.(this.state);
      this.complain(said);
      this.change();
    }

    /** One line at the bench; "" takes it away. What is said of an input stays until the next one;
        what draw() says of the result is shown where nothing else is. */
    say(text, fault = false) {
      this[this.drawing ? "drawn" : "told"] = { text, fault };
      const { message } = this.parts;
      const shown = this.told.text ? this.told : this.drawn;
      message.classList.toggle("bench-fault", Boolean(shown.fault));
      if (message.textContent !== shown.text) message.textContent = shown.text;
    }

    /** Say what is wrong: an input that is refused, a descent that diverged. */
    complain(text) {
      this.say(text, true);
    }

    /** Numbers below the pictures, or in another place, {what: value}; a value is a text or a
        number. */
    values(rows, place = this.parts.values) {
      const entries = Object.entries(rows);
      if (!place.firstChild) place.append(element("dl"));
      const list = place.firstChild;
      while (list.children.length > entries.length) list.lastChild.remove();
      while (list.children.length < entries.length)
        list.append(element("div", {}, element("dt"), element("dd")));
      entries.forEach(([what, value], i) => {
        const [term, shown] = list.children[i].children;
        term.textContent = what;
        shown.textContent = typeof value === "number" ? lab.show(value) : value;
      });
    }

    // Controls ----------------------------------------------------------------------------------
    /** Mark the control that is used, if any. */
    use(control) {
      if (!control || control === this.used) return;
      this.used?.classList.remove("bench-used");
      control.classList.add("bench-used");
      this.used = control;
    }

    /** A labelled box in the row of controls. */
    control(label, ...inside) {
      const box = element("div", { class: "bench-control" }, label, ...inside);
      this.parts.controls.append(box);
      return box;
    }

    /** A slider for a field, on a logarithmic scale where `log`.
        marks(state): [{at, label, side}] are ticks below it; side: "before" or "after", where
        the label stands beside its tick. */
    slider(key, label, { log = false, step, show = lab.show, marks } = {}) {
      const { low, high } = this.fields[key];
      const id = `bench-${ids++}`;
      const to = log ? (x) => Math.log10(x) : (x) => x;
      const from = log ? (x) => 10 ** x : (x) => x;
      const range = [to(low), to(high)];
      const input = element("input", {
        id,
        type: "range",
        min: range[0],
        max: range[1],
        step: step ?? (log ? 0.005 : "any"),
      });
      const shown = element("output", { for: id });
      const ticks = element("div", { class: "bench-marks", "aria-hidden": "true" });
      input.addEventListener("input", () => {
        const value = Number(input.value);
        // The ends are reached in full; a logarithm's digits beyond the fifth say nothing.
        const there = log ? Number(from(value).toPrecision(5)) : value;
        this.set({ [key]: Math.min(high, Math.max(low, there)) });
      });
      this.refreshers.push((state) => {
        input.value = to(state[key]);
        shown.textContent = show(state[key]);
        input.setAttribute("aria-valuetext", shown.textContent);
        const found = marks?.(state) ?? [];
        ticks.replaceChildren(
          ...found
            .filter(({ at }) => at >= low && at <= high)
            .map(({ at, label: words, side = "" }) => {
              const share = (to(at) - range[0]) / (range[1] - range[0]);
              return element("span", { style: `left:${100 * share}%`, class: side }, words);
            }),
        );
      });
      const head = element("label", { for: id }, label, " ", shown);
      this.control(head, input, ...(marks ? [ticks] : []));
      return input;
    }

    /** A choice among a field's options; words: {option: label}. */
    select(key, label, words = {}) {
      const id = `bench-${ids++}`;
      const options = this.fields[key].options.map((value) =>
        element("option", { value }, words[value] ?? value),
      );
      const input = element("select", { id }, ...options);
      input.addEventListener("change", () => this.set({ [key]: input.value }));
      this.refreshers.push((state) => {
        input.value = state[key];
      });
      this.control(element("label", { for: id }, label), input);
      return input;
    }

    toggle(key, label) {
      const input = element("input", { type: "checkbox" });
      input.addEventListener("change", () => this.set({ [key]: input.checked }));
      this.refreshers.push((state) => {
        input.checked = state[key];
      });
      this.control(element("label", { class: "bench-toggle" }, input, " ", label));
      return input;
    }

    button(label, action, place = this.parts.foot) {
      const made = element("button", { type: "button" }, label);
      made.addEventListener("click", action);
      place.append(made);
      return made;
    }

    /** Step, Run and Restart. advance(): one more step; false when there is none.
        pace(): how many steps a frame makes. */
    player({ advance, restart, pace = () => 1 }) {
      const box = this.control(element("span", { class: "bench-label" }, t("Time")));
      const buttons = element("div", { class: "bench-buttons" });
      box.append(buttons);
      const stop = () => {
        this.running = false;
        run.textContent = t("Run");
      };
      const frame = () => {
        if (!this.running) return;
        let more = true;
        // Where motion is not wanted, all steps at once, but no longer than a blink.
        const until = performance.now() + (lab.still() ? 500 : 12);
        const steps = lab.still() ? Number.POSITIVE_INFINITY : pace();
        for (let i = 0; more && i < steps && performance.now() < until; i++) more = advance();
        this.change();
        if (more) requestAnimationFrame(frame);
        else stop();
      };
      this.button(
        t("Step"),
        () => {
          stop();
          advance();
          this.change();
        },
        buttons,
      );
      const run = this.button(
        t("Run"),
        () => {
          if (this.running) return stop();
          this.running = true;
          run.textContent = t("Pause");
          const before = this.fragment();
          if (!advance() && this.fragment() === before) restart(); // it was at its end
          requestAnimationFrame(frame);
        },
        buttons,
      );
      this.button(
        t("Restart"),
        () => {
          stop();
          restart();
          this.change();
        },
        buttons,
      );
      this.stop = stop;
      return { run, stop };
    }

    /** A folded text field: rows of numbers are pasted into it and used. */
    paste(key, label, example) {
      const { most, columns } = { most: 200, columns: 2, ...this.fields[key].shape };
      const id = `bench-${ids++}`;
      const area = element("textarea", { id, rows: 4, placeholder: example });
      const use = element("button", { type: "button" }, t("Use these"));
      use.addEventListener("click", () => {
        try {
          this.set({ [key]: lab.pasted(area.value, columns, most) });
        } catch (problem) {
          if (!(problem instanceof RangeError)) throw problem;
          this.complain(problem.message);
        }
      });
      const summary = element("summary", {}, label);
      const head = element("label", { for: id }, t("One row for each point:"));
      this.parts.foot.append(
        element("details", { class: "bench-paste" }, summary, head, area, use),
      );
    }

    /** Reset, the link, the Python. */
    finish() {
      this.button(t("Reset"), () => this.reset());
      const copy = (make, what) => () => {
        const text = make();
        this.copied = text;
        const done = () => this.say(t("{0}: copied.", what));
        const by = () => {
          const area = element("textarea", {}, text);
          this.place.append(area);
          area.select();
          const copied = document.execCommand("copy");
          area.remove();
          if (copied) done();
          else this.say(t("This browser does not let a page copy; here it is: {0}", text));
        };
        if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, by);
        else by();
      };
      const address = () => location.href.split("#")[0] + this.fragment();
      this.button(t("Copy link"), copy(address, t("The link to this setting")));
      const python = () => this.definition.python(this.state, this);
      this.button(t("Copy as Python"), copy(python, t("Python that computes the same")));
    }

    // Pictures ----------------------------------------------------------------------------------
    /** A titled figure. */
    picture(title, ...inside) {
      const caption = element("figcaption", {}, title);
      const made = element("figure", {}, caption, ...inside);
      this.parts.pictures.append(made);
      return made;
    }

    /** Axes to draw in with D3; `scale` sets their domains.
        The layers, bottom to top: under (clipped), marks (clipped), over. */
    plot(title, { width = 340, height = 260, x: xlabel = "", y: ylabel = "", logx, logy } = {}) {
      const margin = { left: 46, right: 10, top: 8, bottom: 36 };
      const clip = `bench-${ids++}`;
      const svg = d3
        .create("svg")
        .attr("viewBox", `0 0 ${width} ${height}`)
        .attr("role", "img")
        .attr("aria-label", title);
      const [left, right] = [margin.left, width - margin.right];
      const [top, bottom] = [margin.top, height - margin.bottom];
      const x = (logx ? d3.scaleLog() : d3.scaleLinear()).range([left, right]);
      const y = (logy ? d3.scaleLog() : d3.scaleLinear()).range([bottom, top]);
      svg
        .append("clipPath")
        .attr("id", clip)
        .append("rect")
        .attr("x", left)
        .attr("y", top)
        .attr("width", right - left)
        .attr("height", bottom - top);
      const ground = svg
        .append("rect")
        .attr("class", "ground")
        .attr("x", left)
        .attr("y", top)
        .attr("width", right - left)
        .attr("height", bottom - top);
      const under = svg.append("g").attr("clip-path", `url(#${clip})`);
      const across = svg.append("g").attr("transform", `translate(0,${bottom})`);
      const up = svg.append("g").attr("transform", `translate(${left},0)`);
      const marks = svg.append("g").attr("clip-path", `url(#${clip})`);
      const over = svg.append("g");
      const word = (text) => svg.append("text").attr("class", "label").text(text);
      word(xlabel)
        .attr("x", (left + right) / 2)
        .attr("y", height - 4)
        .attr("text-anchor", "middle");
      word(ylabel)
        .attr("transform", `translate(11,${(top + bottom) / 2}) rotate(-90)`)
        .attr("text-anchor", "middle");
      const wide = (scale) => Math.max(...scale.domain().map(Math.abs)) >= 1e5; // 100k, then
      const axis = (make, scale, log, count) =>
        make(scale)
          .ticks(
            count,
            log ? (v) => lab.show(v).replace(/^1×/, "") : wide(scale) ? "~s" : undefined,
          )
          .tickSizeOuter(0);
      const figure = this.picture(title, svg.node());
      let drawn = "";
      return {
        svg,
        x,
        y,
        ground,
        under,
        marks,
        over,
        figure,
        /** Set the domains; the axes are drawn again only where they changed. */
        scale(xs, ys) {
          const now = `${xs}|${ys}`;
          if (now === drawn) return;
          drawn = now;
          x.domain(xs);
          y.domain(ys);
          across.call(axis(d3.axisBottom, x, logx, 5));
          up.call(axis(d3.axisLeft, y, logy, 5));
        },
        /** Where a pointer's event is, in the axes' units. */
        at(event) {
          const [px, py] = d3.pointer(event, svg.node());
          return [x.invert(px), y.invert(py)];
        },
        line: d3
          .line()
          .defined(([, v]) => Number.isFinite(v) && (!logy || v > 0))
          .x(([u]) => x(u))
          .y(([, v]) => y(v)),
      };
    }

    /** A canvas of pixels to paint, with words for those who do not see it. */
    canvas(title, width, height, words = title) {
      const made = element("canvas", { width, height, role: "img", "aria-label": words });
      made.figure = this.picture(title, made);
      return made;
    }
  }

  /** Let marks be moved by pointer and by arrow keys.
      marks: a D3 selection; move(datum, index, x, y); label(datum, index): for screen readers. */
  lab.movable = (marks, plot, { move, at, label, remove }) => {
    plot.svg.attr("role", "group"); // an image has no parts for screen readers
    marks
      .attr("tabindex", 0)
      .attr("role", "button")
      .classed("movable", true)
      .attr("aria-label", (d, i) => label(d, i));
    marks.each(function each(_, i) {
      if (this.movable) return; // its listeners are there
      this.movable = true;
      d3.select(this)
        .on("keydown", (event, d) => {
          const steps = {
            ArrowLeft: [-1, 0],
            ArrowRight: [1, 0],
            ArrowDown: [0, -1],
            ArrowUp: [0, 1],
          }[event.key];
          if (["Delete", "Backspace"].includes(event.key) && remove) {
            event.preventDefault();
            return remove(d, i);
          }
          if (!steps) return;
          event.preventDefault();
          const by = event.shiftKey ? 0.1 : 0.02;
          const [u, v] = at(d, i);
          const [xs, ys] = [plot.x.domain(), plot.y.domain()];
          move(d, i, u + steps[0] * by * (xs[1] - xs[0]), v + steps[1] * by * (ys[1] - ys[0]));
        })
        .on("dblclick", (event, d) => {
          event.stopPropagation();
          remove?.(d, i);
        })
        .call(
          d3
            .drag()
            .container(plot.svg.node())
            .subject((event) => ({ x: event.x, y: event.y }))
            .on("drag", (event, d) => move(d, i, plot.x.invert(event.x), plot.y.invert(event.y))),
        );
    });
  };

  /** held(): whether a pointer is down in the plot. Its axes stay then, lest they run away from
      what is dragged; when the pointer is up again the bench is drawn once more. */
  lab.holding = (bench, plot) => {
    let held = false;
    plot.svg.on("pointerdown", () => {
      held = true;
    });
    for (const end of ["pointerup", "pointercancel"])
      addEventListener(end, () => {
        if (held) bench.change();
        held = false;
      });
    return () => held;
  };

  lab.define = (name, definition) => {
    definitions[name] = definition;
  };

  /** Start the benches of the page. */
  lab.start = () => {
    for (const place of document.querySelectorAll("[data-bench]")) {
      const name = place.dataset.bench;
      lab.benches[name] = new Bench(name, place);
    }
  };
  if (typeof document !== "undefined") {
    if (document.readyState === "loading")
      document.addEventListener("DOMContentLoaded", () => lab.start());
    else lab.start();
  }
})(window.lab);
