/* needs: pixels.js, digit.js */
/* without: d3.min.js */
/* Pictures turned, shifted and flipped: lesson 12 in JavaScript.

   shift by (s, t)               x′ = x − s                    y′ = y − t
   rotation by φ anticlockwise   x′ = c + (x − c) cos φ − (y − c) sin φ
     about the centre (c, c)     y′ = c + (x − c) sin φ + (y − c) cos φ
   all of them at once           (x′, y′) = (c, c) + L (x − s − c, y − t − c)

   X(x′, y′) = (1 − g)[(1 − f) al + f ar] + g[(1 − f) bl + f br]

   x to the right, y down. Where the lesson reckons in float32, so does this: `fround`. */
((lab) => {
  const { SIDE, forward, unpacked } = lab.digit;
  const { fround } = Math;

  /** L: a flip, then a rotation anticlockwise; the angle in degrees. */
  function linear(angle, mirrored = false, upsideDown = false) {
    const turn = angle * (Math.PI / 180);
    const [across, down] = [mirrored ? -1 : 1, upsideDown ? -1 : 1];
    return [
      [across * Math.cos(turn), across * -Math.sin(turn)],
      [down * Math.sin(turn), down * Math.cos(turn)],
    ];
  }

  /** (x′, y′) of every pixel of the new picture, row by row. */
  function places(L, [s, t], side = SIDE) {
    const c = (side - 1) / 2;
    return L.map((row) => {
      const [a, b] = row.map(fround);
      const to = fround(c - (row[0] * (c + s) + row[1] * (c + t)));
      const at = new Float32Array(side * side);
      for (let y = 0; y < side; y++)
        for (let x = 0; x < side; x++)
          at[y * side + x] = fround(fround(a * x) + fround(b * y)) + to;
      return at;
    });
  }

  /** The four pixels around a place, [al, ar, bl, br], and its decimals f, g; outside is paper. */
  function around(X, x, y, side = SIDE) {
    const limit = (v) => Math.max(-1, Math.min(side, v));
    const [left, above] = [Math.floor(limit(x)), Math.floor(limit(y))];
    const ink = (i, j) => (i >= 0 && j >= 0 && i < side && j < side ? X[i * side + j] : 0);
    return {
      left,
      above,
      f: fround(limit(x) - left),
      g: fround(limit(y) - above),
      four: [0, 1, 2, 3].map((k) => ink(above + (k >> 1), left + (k & 1))),
    };
  }

  function between({ f, g, four: [al, ar, bl, br] }) {
    const upper = fround(al + fround(f * fround(ar - al)));
    const lower = fround(bl + fround(f * fround(br - bl)));
    return fround(upper + fround(g * fround(lower - upper)));
  }

  /** The picture moved; what comes from outside is paper, 0. */
  function move(X, angle, shift = [0, 0], mirrored = false, upsideDown = false, side = SIDE) {
    const [x, y] = places(linear(angle, mirrored, upsideDown), shift, side);
    return Float32Array.from(x, (_, k) => between(around(X, x[k], y[k], side)));
  }

  /** A network as the page has it: its weights, and mean and deviation of all training pixels. */
  function network({ weights, mean, deviation }) {
    return { weights: weights.map(unpacked), mean, deviation };
  }

  /** The ten probabilities: lesson 11's network on the standardised pixels. */
  function probabilities(X, { weights, mean, deviation }) {
    const Z = Float64Array.from(X, (v) => (v - mean) / deviation);
    return forward(Z, weights).output;
  }

  lab.augmentation = { linear, places, around, between, move, network, probabilities };
})(window.lab);
