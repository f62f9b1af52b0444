/* A two-layer network: lesson 7 in JavaScript, with lesson 6's two costs and lesson 9's penalties.

   forward     H = g(X W₁)      z = H W₂      ŷ = σ(z)          no biases; X has a constant column
   cost        squared error    J = Σ (ŷᵢ − yᵢ)²
               cross entropy    J = −Σ [yᵢ ln ŷᵢ + (1 − yᵢ) ln(1 − ŷᵢ)] = Σ [ln(1 + eᶻ) − yᵢ z]
   backward    D₂ = 2 (ŷ − y) ⊙ ŷ (1 − ŷ)  or  ŷ − y            ∂J/∂W₂ = Hᵀ D₂
               D₁ = (D₂ W₂ᵀ) ⊙ g′                               ∂J/∂W₁ = Xᵀ D₁
   objective   J + α₁ Σ|w| + ½ α₂ Σ w²       the sums leave out the constant's weights: biases
   update      V = W − η (∂J/∂W + α₂ W)      W ← S(V, ηα₁)
               S(v, t): v moved by t towards 0, at most to 0 itself (soft threshold)

   A matrix is an array of rows:
   X: (n, p)    W₁: (p, q)    H: (n, q)    W₂: (q, 1)    y, z, ŷ: (n, 1) */
((lab) => {
  const FAR = 1e20; // beyond, it has diverged
  const FLAT = 0.1; // a slope below this part of the steepest one is saturated

  const sigmoid = (z) => 1 / (1 + Math.exp(-z));
  const softplus = (z) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))); // ln(1 + eᶻ)
  /** The activation of z; its slope, written with a = activation(z); its steepest slope. */
  const ACTIVATIONS = {
    sigmoid: { of: sigmoid, slope: (a) => a * (1 - a), steepest: 0.25 },
    tanh: { of: Math.tanh, slope: (a) => 1 - a * a, steepest: 1 },
    relu: { of: (z) => Math.max(z, 0), slope: (a) => (a > 0 ? 1 : 0), steepest: 1 },
  };

  // Matrices ------------------------------------------------------------------------------------
  function times(A, B) {
    const width = B[0].length;
    return A.map((row) => {
      const sums = new Array(width).fill(0);
      for (let k = 0; k < row.length; k++) {
        const [value, from] = [row[k], B[k]];
        for (let j = 0; j < width; j++) sums[j] += value * from[j];
      }
      return sums;
    });
  }
  const transposed = (A) => A[0].map((_, j) => A.map((row) => row[j]));
  function each(A, f) {
    const made = [];
    for (let i = 0; i < A.length; i++) {
      const row = new Array(A[i].length);
      for (let j = 0; j < row.length; j++) row[j] = f(A[i][j], i, j);
      made.push(row);
    }
    return made;
  }
  const size = (A) => Math.sqrt(A.flat().reduce((sum, value) => sum + value * value, 0));

  // The network ---------------------------------------------------------------------------------
  const withConstant = (points) => points.map(([x1, x2]) => [x1, x2, 1]);

  /** W₁ and W₂, uniform from `low` to `high`. */
  function draw(p, q, { seed, low, high }) {
    const random = lab.random(seed);
    const matrix = (rows, columns) =>
      Array.from({ length: rows }, () => random.uniform(low, high, columns));
    return [matrix(p, q), matrix(q, 1)];
  }

  function forward(X, [W1, W2], { activation }) {
    const H = each(times(X, W1), ACTIVATIONS[activation].of);
    const z = times(H, W2);
    return { H, z, yHat: each(z, sigmoid) };
  }

  function costOf(y, { z, yHat }, { cost }) {
    let sum = 0;
    for (let i = 0; i < y.length; i++)
      sum +=
        cost === "cross entropy"
          ? softplus(z[i][0]) - y[i][0] * z[i][0]
          : (yHat[i][0] - y[i][0]) ** 2;
    return sum;
  }

  const cost = (X, y, W, settings) => costOf(y, forward(X, W, settings), settings);

  /** ∂J/∂W₁ and ∂J/∂W₂ by backpropagation, from what `forward` gave. */
  function backward(X, y, [, W2], { H, yHat }, { activation, cost }) {
    const D2 = each(yHat, (p, i) => {
      const error = p - y[i][0];
      return cost === "cross entropy" ? error : 2 * error * p * (1 - p);
    });
    const back = times(D2, transposed(W2)); // (n, 1)(1, q)
    const D1 = each(back, (value, i, j) => value * ACTIVATIONS[activation].slope(H[i][j]));
    return [times(transposed(X), D1), times(transposed(H), D2)];
  }

  /** Whether a weight is penalised: not in W₁'s last row, which takes the biases' place. */
  const penalised = (layer, row, p) => layer === 1 || row < p - 1;
  const soft = (v, t) => Math.max(v - t, 0) - Math.max(-v - t, 0);

  /** The penalties' part of the objective. */
  function penalty(W, { l1, l2 }) {
    let sum = 0;
    W.forEach((matrix, layer) => {
      each(matrix, (w, i) => {
        if (penalised(layer, i, W[0].length)) sum += l1 * Math.abs(w) + (l2 / 2) * w * w;
      });
    });
    return sum;
  }

  /** One step: the gradient's and the square's pull, then the soft threshold. */
  function update(W, gradient, { rate, l1, l2 }) {
    return W.map((matrix, layer) =>
      each(matrix, (w, i, j) => {
        if (!penalised(layer, i, W[0].length)) return w - rate * gradient[layer][i][j];
        return soft(w - rate * (gradient[layer][i][j] + l2 * w), rate * l1);
      }),
    );
  }

  // Training ------------------------------------------------------------------------------------
  /** The share of values whose slope is nearly flat: of the hidden units, and of the output. */
  function saturation({ H, yHat }, { activation }) {
    const share = (A, { slope, steepest }) => {
      let flat = 0;
      for (const row of A) for (const a of row) if (slope(a) < FLAT * steepest) flat++;
      return flat / (A.length * A[0].length);
    };
    return [share(H, ACTIVATIONS[activation]), share(yHat, ACTIVATIONS.sigmoid)];
  }

  /** Hidden units that are flat at every point: one true or false for each. */
  function stuck({ H }, { activation }) {
    const { slope, steepest } = ACTIVATIONS[activation];
    return H[0].map((_, j) => H.every((row) => slope(row[j]) < FLAT * steepest));
  }

  /** A training at its start. What is kept of every step: the weights, J, the sizes of both
      gradients, both shares of saturated values. */
  function begin(points, classes, settings) {
    const [X, y] = [withConstant(points), classes.map((c) => [c])];
    const training = { X, y, settings, path: [], costs: [], sizes: [], saturated: [] };
    training.diverged = null; // the step at which it left for infinity
    keep(training, draw(X[0].length, settings.hidden, settings));
    return training;
  }

  function keep(training, W) {
    const { X, y, settings } = training;
    const found = forward(X, W, settings);
    training.gradient = backward(X, y, W, found, settings);
    training.path.push(W);
    training.costs.push(costOf(y, found, settings));
    training.sizes.push(training.gradient.map(size));
    training.saturated.push(saturation(found, settings));
  }

  /** One more step; false where it has diverged. */
  function advance(training) {
    if (training.diverged !== null) return false;
    const next = update(training.path.at(-1), training.gradient, training.settings);
    if (next.flat(2).every((w) => Math.abs(w) < FAR)) keep(training, next);
    else training.diverged = training.path.length;
    return training.diverged === null;
  }

  /** Of the weights that are penalised, how many are exactly 0, and how many there are. */
  function zeros(W) {
    const rows = W.flatMap((matrix, layer) =>
      matrix.filter((_, i) => penalised(layer, i, W[0].length)),
    );
    return [rows.flat().filter((w) => w === 0).length, rows.flat().length];
  }
  const right = (y, { yHat }) => yHat.filter(([p], i) => p > 0.5 === y[i][0] > 0.5).length;

  lab.network = {
    ACTIVATIONS,
    withConstant,
    draw,
    forward,
    cost,
    backward,
    penalty,
    update,
    stuck,
    begin,
    advance,
    zeros,
    right,
  };
})(window.lab);
