/* needs: descent.js */
/* Penalties on the size of weights: lessons 8, 9 and 10 in JavaScript.

   f(w) = 1/(2n) Σ (ŷᵢ − yᵢ)² = ½ wᵀGw − cᵀw + constant      G = XᵀX/n, c = Xᵀy/n, means subtracted
   ridge   f(w) + α/(2n) Σ wⱼ²    minimum: w = (G + α/n I)⁻¹ c
   lasso   f(w) + α Σ |wⱼ|        minimum: pullⱼ = cⱼ − Σ Gⱼₖwₖ is α sign wⱼ, or within ±α where wⱼ = 0

   On the set S of the weights that are not zero, with their signs s, the lasso's minimum solves
   w_S = G_SS⁻¹ (c_S − α s_S): each weight is a straight line in α, until one leaves zero or comes
   back to it. There the path has a kink.

   Two weights have few sets S and signs s, so all are tried. Of ten weights the kinks come from
   Python, the α decreasing: path = {alphas, weights}. */
((lab) => {
  const ROUNDING = 1e-14; // of the largest |cⱼ|
  const COLLINEAR = 1e-12; // of 1: what the squared correlation of two such columns lacks

  const sum = (values) => values.reduce((total, v) => total + v, 0);
  const mean = (values) => sum(values) / values.length;
  const dot = (u, v) => sum(u.map((value, i) => value * v[i]));
  const softThreshold = (v, t) => Math.max(v - t, 0) - Math.max(-v - t, 0);

  /** G and c of rows [x1, x2, y]; a column that does not vary is zero in them, to the last digit. */
  function moments(rows, standardise = false) {
    const columns = [0, 1, 2].map((j) => {
      const values = rows.map((row) => row[j]);
      if (values.every((v) => v === values[0])) return values.map(() => 0);
      const centre = mean(values);
      const centred = values.map((v) => v - centre);
      if (!standardise || j === 2) return centred;
      const deviation = Math.sqrt(mean(centred.map((v) => v * v)));
      return centred.map((v) => v / deviation);
    });
    const product = (j, k) => dot(columns[j], columns[k]) / rows.length;
    return {
      n: rows.length,
      G: [0, 1].map((j) => [0, 1].map((k) => product(j, k))),
      c: [product(0, 2), product(1, 2)],
    };
  }

  /** G of two features of the same size with another correlation. */
  function correlated([[a], [, b]], rho) {
    const size = [Math.sqrt(a), Math.sqrt(b)];
    return [
      [a, rho * size[0] * size[1]],
      [rho * size[0] * size[1], b],
    ];
  }
  function correlation([[a, between], [, b]]) {
    return a * b > 0 ? between / Math.sqrt(a * b) : 0;
  }
  const singular = ([[a, between], [, b]]) => between * between >= (1 - COLLINEAR) * a * b;

  const times = (G, w) => G.map((row) => dot(row, w));
  function solve([[a, between], [, b]], [u, v]) {
    const determinant = a * b - between * between;
    return [(b * u - between * v) / determinant, (a * v - between * u) / determinant];
  }

  /** The minimum of f; of many minima the shortest. */
  function leastSquares(G, c) {
    if (!singular(G)) return solve(G, c);
    const trace = G[0][0] + G[1][1]; // the one eigenvalue that is not zero: c is its direction
    return trace > 0 ? c.map((v) => v / trace) : [0, 0];
  }

  /** How far f at w is above its minimum. */
  function above(G, w, minimum) {
    const away = w.map((v, j) => v - minimum[j]);
    return dot(away, times(G, away)) / 2;
  }

  function ridge(G, c, alpha, n) {
    return leastSquares(
      G.map((row, j) => row.map((v, k) => v + (j === k ? alpha / n : 0))),
      c,
    );
  }

  const alphaMax = (c) => Math.max(...c.map(Math.abs));

  /** By how much a weight that is zero is pulled harder than α holds it. */
  function violation(G, c, alpha, w) {
    const pull = c.map((v, j) => v - dot(G[j], w));
    return Math.max(...pull.map((v, j) => (w[j] === 0 ? Math.abs(v) - alpha : 0)));
  }

  function lasso(G, c, alpha) {
    // At most one weight not zero: then its minimum is a soft threshold.
    const alone = [[0, 0]];
    for (const j of [0, 1])
      if (G[j][j] > 0) {
        const w = [0, 0];
        w[j] = softThreshold(c[j], alpha) / G[j][j];
        alone.push(w);
      }
    const missed = alone.map((w) => violation(G, c, alpha, w));
    const found = missed.findIndex((v) => v <= ROUNDING * alphaMax(c));
    if (found >= 0) return alone[found];
    if (!singular(G))
      for (const s of [-1, 1])
        for (const r of [-1, 1]) {
          const w = solve(G, [c[0] - alpha * s, c[1] - alpha * r]);
          if (w[0] * s > 0 && w[1] * r > 0) return w;
        }
    return alone[missed.indexOf(Math.min(...missed))]; // only rounding was missed
  }

  /** The kinks of the path of two weights, α decreasing from α_max to 0. */
  function kinks(G, c) {
    const top = alphaMax(c);
    const met = [];
    for (const [j, k] of [
      [0, 1],
      [1, 0],
    ])
      for (const s of [-1, 1])
        for (const r of [-1, 1]) {
          // While only wⱼ, of sign s, is not zero: where does the pull on wₖ reach rα?
          const share = G[j][j] > 0 ? G[k][j] / G[j][j] : 0;
          met.push((c[k] - share * c[j]) / (r - share * s));
        }
    const inside = met.filter((alpha) => alpha > 0 && alpha < top).sort((a, b) => b - a);
    const all = [top, ...inside, 0];
    const signs = (alpha) => lasso(G, c, alpha).map(Math.sign).join();
    // Not every meeting is on the path: there must be other signs on its two sides.
    const real = all.filter((alpha, i) => {
      if (i === 0 || i === all.length - 1) return true;
      return signs((all[i - 1] + alpha) / 2) !== signs((alpha + all[i + 1]) / 2);
    });
    return { alphas: real, weights: real.map((alpha) => lasso(G, c, alpha)) };
  }

  /** The weights at α, on the straight line between the kinks on its two sides. */
  function between({ alphas, weights }, alpha) {
    if (alpha >= alphas[0]) return weights[0];
    const right = alphas.findIndex((kink) => kink <= alpha); // the next smaller one
    const [from, to] = [alphas[right - 1], alphas[right]];
    const share = (from - alpha) / (from - to);
    return weights[right].map((v, j) => (1 - share) * weights[right - 1][j] + share * v);
  }

  /** Mean squared error of the fold's path on the rows left out: (1, −w)ᵀ EᵀE/m (1, −w). */
  function errorLeftOut(fold, alpha) {
    const v = [1, ...between(fold, alpha).map((weight) => -weight)];
    return dot(v, times(fold.errors, v));
  }

  /** Mean over the folds, and its standard error. */
  function crossValidated(folds, alpha) {
    const errors = folds.map((fold) => errorLeftOut(fold, alpha));
    const centre = mean(errors);
    const variance = sum(errors.map((v) => (v - centre) ** 2)) / (errors.length - 1);
    return { errors, mean: centre, standardError: Math.sqrt(variance / errors.length) };
  }

  /** Of `curve`, for decreasing α: the number of the least mean error, and that of the largest α
      whose mean error is within a standard error of it. */
  function choose(curve) {
    const means = curve.map((point) => point.mean);
    const least = means.indexOf(Math.min(...means));
    const limit = means[least] + curve[least].standardError;
    return [least, means.findIndex((v) => v <= limit)];
  }

  lab.penalty = {
    moments,
    correlated,
    correlation,
    singular,
    times,
    leastSquares,
    above,
    ridge,
    alphaMax,
    lasso,
    kinks,
    between,
    crossValidated,
    choose,
  };
})(window.lab);
