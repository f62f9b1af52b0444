/* The bench of lesson 12: a digit is turned, shifted and flipped; two networks read it. */
((lab) => {
  const { t, show, element } = lab;
  const { Maps, step } = lab.pixels;
  const { SIDE } = lab.digit;
  const { move, places, linear, around, between, probabilities } = lab.augmentation;
  const NETWORKS = ["plain", "augmented"];
  const COLOURS = { plain: "blue", augmented: "orange" };
  const NONE = 1e-5; // a pixel of less weight counts as 0: float32 knows no place more finely
  const BUDGET = 4; // milliseconds of each frame, of which the curves have what is left
  const steps = (most, step) =>
    Array.from({ length: (2 * most) / step + 1 }, (_, k) => step * k - most);
  // What the curves are drawn over: a field of the state, and its values.
  const AXES = { angle: steps(180, 5), right: steps(14, 0.5) };

  const placeField = {
    value: [17, 13],
    check(place) {
      const inside = (v) => Number.isInteger(v) && v >= 0 && v < SIDE;
      if (place.length !== 2 || !place.every(inside))
        throw new RangeError(t("it is no pixel of the picture"));
      return place;
    },
    read: (text) => text.split(",").map(Number),
    write: (place) => place.join(","),
  };
  /** {key: row of the data}: "7" and "7b" are two sevens. */
  const samples = ({ classes = [] }) =>
    Object.fromEntries(classes.map((k, i) => [i < classes.length / 2 ? `${k}` : `${k}b`, i]));

  function svg(name, attributes = {}, text = "") {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.textContent = text;
    return made;
  }

  function start(bench) {
    const { classes, rows: numbers, rotation, shift } = bench.data;
    const rows = samples(bench.data);
    const pixels = lab.digit.unpacked(bench.data.samples);
    const networks = NETWORKS.map((name) => lab.augmentation.network(bench.data.networks[name]));
    const words = Object.fromEntries(
      Object.entries(rows).map(([key, row]) => [
        key,
        t("test digit {0}, a {1}", numbers[row], classes[row]),
      ]),
    );
    const seen = (most) => () => [-most, most].map((at) => ({ at, label: show(at, 2) }));
    bench.select("picture", t("Picture"), words);
    const whole = (v) => `${show(v)}°`;
    bench.slider("angle", t("Turned anticlockwise by"), {
      step: 1,
      show: whole,
      marks: seen(rotation),
    });
    const pixel = (v) => t("{0} pixels", show(v));
    bench.slider("right", t("Shifted to the right by"), {
      step: 0.5,
      show: pixel,
      marks: seen(shift),
    });
    bench.slider("down", t("Shifted down by"), { step: 0.5, show: pixel, marks: seen(shift) });
    bench.toggle("mirrored", t("Flipped left to right"));
    bench.toggle("upside", t("Flipped upside down"));

    const shown = (title) => {
      const maps = new Maps(title, [SIDE, SIDE, 1]);
      bench.picture(title, maps.wrap);
      return maps;
    };
    const moved = shown(t("Moved: what the networks get (drag it)"));
    const bars = makeBars(bench);
    const original = shown(t("The original, and where the pixel came from"));
    const plots = {
      angle: makePlot(bench, "angle", {
        title: t("Probability of the right digit over the angle (drag to turn)"),
        label: t("turned anticlockwise by, degrees"),
        ticks: [-180, -90, 0, 90, 180],
        seen: rotation,
      }),
      right: makePlot(bench, "right", {
        title: t("The same over the shift (drag to shift)"),
        label: t("shifted to the right by, pixels"),
        ticks: [-14, -7, 0, 7, 14],
        seen: shift,
      }),
    };
    const note = t(
      "Grey: moves seen in training. Dashed: the fraction of all {0} test digits that is read rightly, turned or shifted only.",
      bench.data.all.count,
    );
    const legend = element("p", { class: "bench-legend" }, note);
    const line = element("p", { role: "status" });
    const one = bench.picture("", line);
    const caption = one.querySelector("figcaption");
    one.classList.add("bench-sentence");
    one.before(legend);
    draggable(bench, moved);
    bench.restored = (state) => {
      bench.kept = `${state.pixel}` !== `${placeField.value}`; // a link's pixel stays
    };

    // A curve is computed a few points in each frame, from where it stands, round and round, until
    // all its points belong to the present setting.
    const curves = Object.fromEntries(
      Object.entries(AXES).map(([axis, values]) => [
        axis,
        { values, p: NETWORKS.map(() => values.map(() => 0)), old: values.length, next: 0 },
      ]),
    );
    function advance(curve, axis, X, state, right, until) {
      const { picture, angle, right: s, down, mirrored, upside } = state;
      const setting = { picture, angle, right: s, down, mirrored, upside };
      delete setting[axis];
      const now = Object.values(setting).join();
      if (now !== curve.setting) curve.old = curve.values.length;
      curve.setting = now;
      for (; curve.old > 0 && performance.now() < until; curve.old--) {
        const at = { angle, right: s, [axis]: curve.values[curve.next] };
        const turned = move(X, at.angle, [at.right, down], mirrored, upside);
        networks.forEach((network, k) => {
          curve.p[k][curve.next] = probabilities(turned, network)[right];
        });
        curve.next = (curve.next + 1) % curve.values.length;
      }
    }

    let [asked, turned, p] = ["", null, null]; // what the networks were asked about last
    return (state) => {
      const until = performance.now() + BUDGET;
      const row = rows[state.picture];
      const right = classes[row];
      const X = pixels.subarray(row * SIDE * SIDE, (row + 1) * SIDE * SIDE);
      const { angle, mirrored, upside } = state;
      const shifts = [state.right, state.down];
      const now = [state.picture, angle, ...shifts, mirrored, upside].join();
      if (now !== asked) {
        asked = now;
        turned = move(X, angle, shifts, mirrored, upside);
        p = networks.map((network) => probabilities(turned, network));
      }
      for (const [axis, curve] of Object.entries(curves))
        advance(curve, axis, X, state, right, until);
      const complete = Object.values(curves).every(({ old }) => old === 0);
      if (!complete) bench.change();
      const [x, y] = state.pixel;
      const [across, down] = places(linear(angle, mirrored, upside), shifts);
      const place = [across[y * SIDE + x], down[y * SIDE + x]];
      const four = around(X, ...place);
      bench.model = {
        picture: turned,
        p,
        right,
        complete,
        angle: curves.angle.p,
        shift: curves.right.p,
        place,
        four: four.four,
      };
      moved.paint(turned, 1, true);
      original.paint(X, 1, true);
      moved.frame([[y, x, 0, 1]], "maps-one");
      frameFour(original, four);
      caption.textContent = bench.kept
        ? t("One pixel of the moved picture (kept; click it again to follow the pointer)")
        : t("One pixel of the moved picture (point at it, click to keep)");
      line.textContent = sentence(state.pixel, place, four);
      bars.fill(p, right);
      for (const [axis, plot] of Object.entries(plots)) plot.fill(curves[axis].p, state[axis]);
      const read = (k) => p[k].indexOf(Math.max(...p[k]));
      bench.values({
        [t("the right digit")]: String(right),
        [t("trained on digits as they are")]: t(
          "reads {0}, p of the right digit {1}",
          read(0),
          show(p[0][right], 3),
        ),
        [t("trained on moved digits")]: t(
          "reads {0}, p of the right digit {1}",
          read(1),
          show(p[1][right], 3),
        ),
      });
      if (turned.every((v) => v === 0))
        bench.say(t("The digit has left the picture: the networks are asked about blank paper."));
    };
  }

  /** The four pixels that a place lies between, as far as they are in the picture; those that
      count 0 are faint. */
  function frameFour(maps, { left, above, f, g }) {
    const corners = [0, 1, 2, 3].map((k) => {
      const weight = (k >> 1 ? g : 1 - g) * (k & 1 ? f : 1 - f);
      const kind = weight > NONE ? "maps-some" : "maps-some maps-none";
      return [above + (k >> 1), left + (k & 1), 0, 1, kind];
    });
    maps.frame(corners.filter(([i, j]) => i >= 0 && j >= 0 && i < SIDE && j < SIDE));
  }

  function sentence([x, y], [xOld, yOld], four) {
    const n = (v) => show(v, 4);
    const where = t(
      "The new pixel in column x = {0}, row y = {1} was at x′ = {2}, y′ = {3}",
      x,
      y,
      n(xOld),
      n(yOld),
    );
    const outside = [xOld, yOld].some((v) => v <= -1 || v >= SIDE);
    if (outside) return t("{0}: outside, so it is paper, 0.", where);
    const {
      f,
      g,
      four: [al, ar, bl, br],
    } = four;
    // Weights and what they stand before, without those that are 0.
    const sum = (weights, values) =>
      values
        .map((v, k) => ({ v, weight: weights[k] }))
        .filter(({ weight }) => weight > NONE)
        .map(({ v, weight }) => (weight < 1 - NONE ? `${show(weight, 3)} · ${v}` : v))
        .join(" + ");
    const [across, down] = [f, g].map((v) => v > NONE && v < 1 - NONE);
    const rows = [
      [al, ar],
      [bl, br],
    ].map((row) =>
      sum(
        [1 - f, f],
        row.map((v) => show(v, 3)),
      ),
    );
    const all = sum([1 - g, g], across && down ? rows.map((row) => `(${row})`) : rows);
    const value = n(between(four));
    if (across && down) return t("{0}, between four pixels: {1} = {2}", where, all, value);
    if (across || down) return t("{0}, between two pixels: {1} = {2}", where, all, value);
    return t("{0}, a pixel of the original: {1}", where, value);
  }

  /** Ten digits with a bar for each network. */
  function makeBars(bench) {
    const made = Array.from({ length: 10 }, (_, k) => {
      const bars = NETWORKS.map((name) =>
        element("span", { class: `digit-bar bar-${COLOURS[name]}` }),
      );
      const numbers = NETWORKS.map(() => element("span"));
      const row = element(
        "div",
        { class: "digit-row" },
        element("b", {}, String(k)),
        element("span", { class: "digit-track" }, ...bars),
        element("span", { class: "digit-number" }, ...numbers),
      );
      return { row, bars, numbers };
    });
    const key = element(
      "div",
      { class: "bench-key" },
      element("span", { class: "key-blue" }, t("trained on digits as they are")),
      element("span", { class: "key-orange" }, t("trained on moved digits")),
    );
    const rows = made.map(({ row }) => row);
    const box = element("div", { class: "digit-bars two-bars" }, key, ...rows);
    bench.picture(t("The probabilities"), box);
    return {
      fill(p, right) {
        made.forEach(({ row, bars, numbers }, k) => {
          row.classList.toggle("digit-right", k === right);
          p.forEach((of, n) => {
            bars[n].style.width = `${100 * of[k]}%`;
            numbers[n].textContent = of[k].toFixed(3);
          });
        });
      },
    };
  }

  /** p of the right digit over the angle or the shift: both networks, and the present one. */
  function makePlot(bench, axis, { title, label, ticks, seen }) {
    const { all } = bench.data;
    const values = AXES[axis];
    const most = values.at(-1);
    const [width, height, left, right, top, bottom] = [340, 250, 40, 320, 8, 210];
    const x = (v) => left + ((v + most) / (2 * most)) * (right - left);
    const y = (p) => bottom - p * (bottom - top);
    const picture = svg("svg", {
      viewBox: `0 0 ${width} ${height}`,
      role: "img",
      class: "across",
    });
    const box = (to, name) =>
      svg("rect", {
        class: name,
        x: x(-to),
        y: top,
        width: x(to) - x(-to),
        height: bottom - top,
      });
    picture.append(box(most, "ground"), box(seen, "seen"));
    const tick = (line, text, place) => {
      const group = svg("g", { class: "tick" });
      group.append(svg("line", line), svg("text", place, text));
      picture.append(group);
    };
    for (const v of ticks)
      tick({ x1: x(v), x2: x(v), y1: bottom, y2: bottom + 5 }, show(v), {
        x: x(v),
        y: bottom + 17,
        "text-anchor": "middle",
      });
    for (const p of [0, 0.5, 1])
      tick({ x1: left - 5, x2: left, y1: y(p), y2: y(p) }, show(p), {
        x: left - 8,
        y: y(p) + 4,
        "text-anchor": "end",
      });
    const middle = (left + right) / 2;
    picture.append(svg("text", { x: middle, y: height - 6, "text-anchor": "middle" }, label));
    const now = svg("line", { class: "line grey", y1: top, y2: bottom });
    const path = (at, p) =>
      `M${at.map((v, i) => `${x(v).toFixed(1)},${y(p[i]).toFixed(1)}`).join("L")}`;
    const known = NETWORKS.map((name) =>
      svg("path", {
        class: `thin dashed ${COLOURS[name]}`,
        d: path(all[axis].values, all[axis][name]),
      }),
    );
    const lines = NETWORKS.map((name) => svg("path", { class: `line ${COLOURS[name]}` }));
    const dots = NETWORKS.map((name) => svg("circle", { class: `dot ${COLOURS[name]}`, r: 4 }));
    picture.append(now, ...known, ...lines, ...dots);
    bench.picture(title, picture);
    const turn = (event) => {
      const frame = picture.getBoundingClientRect();
      const at = ((event.clientX - frame.left) / frame.width) * width;
      const step = axis === "angle" ? 1 : 0.5;
      const v = Math.round((((at - left) / (right - left)) * 2 * most - most) / step) * step;
      bench.set({ [axis]: Math.max(-most, Math.min(most, v)) });
    };
    picture.addEventListener("pointerdown", (event) => {
      if (event.isTrusted) picture.setPointerCapture(event.pointerId);
      turn(event);
    });
    picture.addEventListener("pointermove", (event) => {
      if (event.buttons & 1) turn(event);
    });
    return {
      fill(p, v) {
        const place = x(v);
        for (const mark of [now, ...dots]) mark.style.display = Math.abs(v) > most ? "none" : ""; // beyond the axis
        lines.forEach((line, k) => {
          line.setAttribute("d", path(values, p[k]));
        });
        now.setAttribute("x1", place);
        now.setAttribute("x2", place);
        const present = bench.model.p.map((of) => of[bench.model.right]);
        dots.forEach((dot, k) => {
          dot.setAttribute("cx", place);
          dot.setAttribute("cy", y(present[k]));
        });
        const said = t("{0}: now {1} and {2}", title, ...present.map((of) => show(of, 3)));
        picture.setAttribute("aria-label", said);
      },
    };
  }

  /** Point at a pixel, click to keep it, drag the digit; the arrow keys go from pixel to pixel. */
  function draggable(bench, maps) {
    const { wrap, canvas } = maps;
    canvas.setAttribute("tabindex", 0);
    canvas.setAttribute("aria-label", t("{0}; arrow keys choose a pixel", maps.title));
    wrap.classList.add("movable");
    /** [x, y] of the pixel under the pointer. */
    const at = (event) => maps.at(event)?.slice(0, 2).reverse();
    let from = null; // where the drag began, and the shift then
    const size = (event) => {
      const box = canvas.getBoundingClientRect();
      return [(event.clientX / box.width) * SIDE, (event.clientY / box.height) * SIDE];
    };
    wrap.addEventListener("pointerdown", (event) => {
      if (event.isTrusted) wrap.setPointerCapture(event.pointerId);
      from = { at: size(event), shift: [bench.state.right, bench.state.down] };
    });
    wrap.addEventListener("pointermove", (event) => {
      if (from && event.buttons & 1) {
        const to = size(event);
        const [right, down] = from.shift.map((v, k) => {
          const shifted = Math.round(2 * (v + to[k] - from.at[k])) / 2;
          return Math.max(-SIDE, Math.min(SIDE, shifted));
        });
        if (right === bench.state.right && down === bench.state.down) return;
        from.dragged = true;
        bench.set({ right, down });
      } else if (event.pointerType === "mouse" && !bench.kept) {
        const pixel = at(event);
        if (pixel) bench.set({ pixel });
      }
    });
    const end = (event) => {
      const pixel = event.type === "pointerup" && from && !from.dragged && at(event);
      from = null;
      if (!pixel) return;
      bench.kept = !(bench.kept && `${pixel}` === `${bench.state.pixel}`);
      bench.set({ pixel });
    };
    wrap.addEventListener("pointerup", end);
    wrap.addEventListener("pointercancel", end);
    canvas.addEventListener("keydown", (event) => {
      const steps = step(event);
      if (!steps) return;
      event.preventDefault();
      bench.kept = true;
      const [x, y] = bench.state.pixel;
      const [i, j] = maps.beside([y, x, 0], ...steps);
      bench.set({ pixel: [j, i] });
    });
  }

  function python(state, bench) {
    const row = samples(bench.data)[state.picture];
    const right = bench.data.classes[row];
    const flag = (v) => (v ? "True" : "False");
    const how = [
      `shifts=(${state.right}, ${state.down})`,
      ...(state.mirrored ? [`mirrored=${flag(true)}`] : []),
      ...(state.upside ? [`upside_down=${flag(true)}`] : []),
    ].join(", ");
    return [
      "import numpy as np",
      "from course import lab, lesson12",
      "",
      "# The two networks of this page: their weights are read from the page's own data.",
      `page = lab.read_page(${JSON.stringify(lab.dataAddress("augmentation"))})`,
      `X = page["samples"][${row}][None, :, :, None]  # X_test[${bench.data.rows[row]}] of lesson 12`,
      `moved = lesson12.move(X, ${state.angle}, ${how})`,
      "angles = np.arange(-180, 181, 5)",
      "copies = np.repeat(X, len(angles), axis=0)",
      "p, curves = {}, {}",
      'for name, network in page["networks"].items():',
      `    p[name] = lab.read_moved(X, network, ${state.angle}, ${how})[0]`,
      `    curves[name] = lab.read_moved(copies, network, angles, ${how})[:, ${right}]`,
      "    print(name, p[name].round(4))",
    ].join("\n");
  }

  lab.define("augmentation", {
    version: 1,
    title: t("Bench: a moved digit, and two networks"),
    state: (data) => ({
      picture: lab.choice("5", Object.keys(samples(data))),
      angle: lab.whole(0, -180, 180),
      right: lab.number(0, -SIDE, SIDE),
      down: lab.number(0, -SIDE, SIDE),
      mirrored: lab.flag(false),
      upside: lab.flag(false),
      pixel: placeField,
    }),
    start,
    python,
  });
})(window.lab);
