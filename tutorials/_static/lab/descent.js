/* Gradient descent on a line ŷ = wx + b: lessons 3, 4 and 5 in JavaScript.

   cost       J(w, b) = 1/n Σ (ŷᵢ − yᵢ)²
   gradient   ∂J/∂w = 2/n Σ xᵢ (ŷᵢ − yᵢ)      ∂J/∂b = 2/n Σ (ŷᵢ − yᵢ)
   step       v ← μv − ηg,   θ ← θ + v            (heavy ball; μ = 0 is plain descent)
              v ← μv − ηg,   θ ← θ + μv − ηg      (Nesterov)

   θ is [w, b]; rows are the numbers of the points that a step looks at. */
((lab) => {
  const FAR = 1e100; // beyond, it has diverged

  function cost(x, y, [w, b]) {
    let sum = 0;
    for (let i = 0; i < x.length; i++) sum += (w * x[i] + b - y[i]) ** 2;
    return sum / x.length;
  }

  function gradient(x, y, rows, [w, b]) {
    let [in_w, in_b] = [0, 0];
    for (const i of rows) {
      const error = w * x[i] + b - y[i];
      in_w += x[i] * error;
      in_b += error;
    }
    return [(2 / rows.length) * in_w, (2 / rows.length) * in_b];
  }

  /** H = 2/n AᵀA with A = [x 1], as [[∂²J/∂w², ∂²J/∂w∂b], [∂²J/∂w∂b, ∂²J/∂b²]]. */
  function hessian(x) {
    let [squares, sum] = [0, 0];
    for (const value of x) {
      squares += value * value;
      sum += value;
    }
    return [
      [(2 * squares) / x.length, (2 * sum) / x.length],
      [(2 * sum) / x.length, 2],
    ];
  }

  /** Eigenvalues, the smaller first, and unit eigenvectors of a symmetric 2×2 matrix. */
  function eigen([[a, b], [, c]]) {
    const middle = (a + c) / 2;
    const half = Math.hypot((a - c) / 2, b);
    const high = middle + half;
    const low = Math.max(0, (a * c - b * b) / high); // λmin λmax is the determinant
    const angle = Math.atan2(2 * b, a - c) / 2; // of the steepest direction
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    return {
      values: [low, high],
      vectors: [
        [-sin, cos],
        [cos, sin],
      ],
    };
  }

  const largestRate = (x) => 2 / eigen(hessian(x)).values[1];
  const bestRate = (x) => {
    const [low, high] = eigen(hessian(x)).values;
    return 2 / (low + high);
  };

  /** The minimum [w*, b*], or null where all x are equal. */
  function leastSquares(x, y) {
    const mean = (values) => values.reduce((sum, v) => sum + v, 0) / values.length;
    const [mx, my] = [mean(x), mean(y)];
    let [xx, xy] = [0, 0];
    for (let i = 0; i < x.length; i++) {
      xx += (x[i] - mx) ** 2;
      xy += (x[i] - mx) * (y[i] - my);
    }
    return xx > 0 ? [xy / xx, my - (xy / xx) * mx] : null;
  }

  /** (x − mean)/deviation; x itself where it has no deviation. */
  function standardised(x) {
    const mean = x.reduce((sum, v) => sum + v, 0) / x.length;
    const deviation = Math.sqrt(x.reduce((sum, v) => sum + (v - mean) ** 2, 0) / x.length);
    return { mean, deviation, z: deviation > 0 ? x.map((v) => (v - mean) / deviation) : x };
  }

  /** The rows of every step: all of them; or a new order for each epoch, cut into batches. */
  function batches(n, size, steps, seed) {
    const all = Array.from({ length: n }, (_, i) => i);
    if (size >= n) return Array.from({ length: steps }, () => all);
    const random = lab.random(seed);
    const order = [];
    while (order.length < steps * size) order.push(...random.permutation(n));
    return Array.from({ length: steps }, (_, i) => order.slice(i * size, (i + 1) * size));
  }

  /** θ at every step, and `diverged`: the step at which it left for infinity, or null. */
  function descend(x, y, { start, rate, rows, momentum = 0, nesterov = false }) {
    const path = [start];
    let v = [0, 0];
    for (const batch of rows) {
      const theta = path.at(-1);
      const step = gradient(x, y, batch, theta).map((g) => -rate * g);
      v = v.map((old, j) => momentum * old + step[j]);
      const next = theta.map((old, j) => old + (nesterov ? momentum * v[j] + step[j] : v[j]));
      if (!next.every((value) => Math.abs(value) < FAR)) return { path, diverged: path.length };
      path.push(next);
    }
    return { path, diverged: null };
  }

  /** What theory says the cost will be when every step looks at all rows: J* plus, in each
      direction of H, ½ λ times the squared distance, which follows its own recurrence. */
  function predicted(x, y, { start, rate, momentum = 0, nesterov = false }, steps) {
    const { values, vectors } = eigen(hessian(x));
    const minimum = leastSquares(x, y);
    if (!minimum) return [];
    const costs = new Array(steps + 1).fill(cost(x, y, minimum));
    vectors.forEach((direction, k) => {
      let z = direction[0] * (start[0] - minimum[0]) + direction[1] * (start[1] - minimum[1]);
      let v = 0;
      for (let t = 0; t <= steps; t++) {
        costs[t] += (values[k] / 2) * z * z;
        const step = -rate * values[k] * z;
        v = momentum * v + step;
        z += nesterov ? momentum * v + step : v;
      }
    });
    return costs;
  }

  lab.descent = {
    cost,
    gradient,
    hessian,
    eigen,
    largestRate,
    bestRate,
    leastSquares,
    standardised,
    batches,
    descend,
    predicted,
  };
})(window.lab);
