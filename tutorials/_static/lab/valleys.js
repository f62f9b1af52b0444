/* Descent on a cost with two valleys: lessons 2, 4 and 5 in JavaScript.

   cost       J(w) = (w² − 1)² + cw                    c: the tilt
   slope      J′(w) = 4w (w² − 1) + c
   curvature  J″(w) = 12w² − 4                         at a minimum, plain descent stops above 2/J″
   step       v ← μv − ηg,   w ← w + v                 (heavy ball; μ = 0 is plain descent)
   noise      row i has the tilt c + s or c − s, in turn; g is J′ with the mean tilt of the step's rows

   w * w, and the factors in Python's order: every number is then Python's to the last bit. On a
   hilltop nothing less would do, because descent makes the smallest difference larger there. */
((lab) => {
  const FAR = 1e9; // beyond, it has diverged
  const ONE_VALLEY = 8 / Math.sqrt(27); // a tilt of this size leaves one of the valleys

  const cost = (w, c) => (w * w - 1) * (w * w - 1) + c * w;
  const slope = (w, c) => 4 * w * (w * w - 1) + c;
  const curvature = (w) => 12 * w * w - 4;

  /** Where J′ = 0: [left minimum, hilltop, right minimum], or the only minimum. */
  function places(c) {
    const newton = (w) => {
      for (let i = 0; i < 100; i++) w -= slope(w, c) / curvature(w);
      return w;
    };
    // From outside Newton's steps come nearer from one side only. The three add up to 0.
    if (Math.abs(c) >= ONE_VALLEY) return [newton(c > 0 ? -2 : 2)];
    const [left, right] = [newton(-2), newton(2)];
    return [left, -(left + right), right];
  }

  /** Where only one valley is left: the flattest place, at which the other one vanished. */
  const flattest = (c) => Math.sign(c) / Math.sqrt(3);

  /** Whether w is in the deeper valley; with equal valleys, in the left one; in the only one where
      J bends upwards around its minimum. */
  function inDeeper(w, c, [, hilltop] = places(c)) {
    const border = hilltop ?? -flattest(c);
    return Math.abs(w) < FAR && (w - border) * (c || 1) < 0;
  }

  /** All that is left to chance: starts between low and high, and in `signs`, for each step and
      descent, the mean of its rows' signs; draw() adds a step. The first descent is another's. */
  function chance(seed, { low, high, starts: count, points }, batch) {
    const random = lab.random(seed);
    const starts = random.uniform(low, high, count);
    const signs = [];
    const draw = () => {
      const rows = random.integers(points, (count + 1) * batch);
      const means = new Float64Array(count + 1);
      rows.forEach((row, i) => {
        means[Math.floor(i / batch)] += row % 2 === 0 ? 1 : -1;
      });
      signs.push(means.map((sum) => sum / batch));
    };
    return { starts, signs, draw };
  }

  /** Descents side by side: the first one's path, all their ends, and the steps at which they
      diverged, or null. signs: as from chance(); null where each step looks at all rows. */
  function descend(starts, { tilt, spread, rate, momentum }, signs, steps) {
    const w = Float64Array.from(starts);
    const v = new Float64Array(w.length);
    const path = [w[0]];
    const diverged = new Array(w.length).fill(null);
    for (let t = 0; t < steps; t++) {
      for (let k = 0; k < w.length; k++) {
        if (diverged[k] !== null) continue;
        const c = tilt + spread * (signs ? signs[t][k] : 0);
        v[k] = momentum * v[k] - rate * slope(w[k], c);
        w[k] += v[k];
        if (Math.abs(w[k]) >= FAR) diverged[k] = t + 1;
      }
      path.push(w[0]);
    }
    return { path, ends: Array.from(w), diverged };
  }

  lab.valleys = { ONE_VALLEY, cost, slope, curvature, places, flattest, inDeeper, chance, descend };
})(window.lab);
