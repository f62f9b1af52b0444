/* without: d3.min.js */
/* needs: pixels.js */
/* A network that reads a digit: lesson 11 in JavaScript.

   convolution   a[i, j, f] = φ(b_f + Σ X[i + u, j + v, c] K[u, v, c, f]), sum over u, v, c
   max pooling   the largest of each 2×2 square
   dense         a = φ(b + hW)           softmax   p_k = exp z_k / Σ exp z_j

   Maps are flat arrays: X[i, j, c] stands at (i · side + j) · channels + c, as NumPy has it.
   A drawing becomes a picture as course/data/pictures.py makes it. */
((lab) => {
  const SIDE = 28; // pixels of the network's picture
  const BOX = 20; // pixels, the larger side of the ink in it
  const FAINT = 0.25; // of the darkest ink; below it a pixel counts as paper when the ink is cut out
  const PAPER = 280; // pixels of the paper that is drawn on
  const { fround } = Math;

  // The network ---------------------------------------------------------------------------------
  /** z: every filter slid over the map, n = side − size + 1 places in each direction. */
  function convolve(X, side, channels, K, size, b) {
    const [n, filters] = [side - size + 1, b.length];
    const z = new Float64Array(n * n * filters);
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++) {
        const to = (i * n + j) * filters;
        for (let f = 0; f < filters; f++) z[to + f] = b[f];
        for (let u = 0; u < size; u++)
          for (let v = 0; v < size; v++)
            for (let c = 0; c < channels; c++) {
              const x = X[((i + u) * side + j + v) * channels + c];
              const weights = ((u * size + v) * channels + c) * filters;
              for (let f = 0; f < filters; f++) z[to + f] += x * K[weights + f];
            }
      }
    return z;
  }

  /** The largest of each 2×2 square; an odd last row or column is left out. */
  function maxPool(X, side, channels) {
    const n = Math.floor(side / 2);
    const a = new Float64Array(n * n * channels);
    for (let i = 0; i < n; i++)
      for (let j = 0; j < n; j++)
        for (let c = 0; c < channels; c++) {
          const at = (2 * i * side + 2 * j) * channels + c;
          const below = at + side * channels;
          a[(i * n + j) * channels + c] = Math.max(
            X[at],
            X[at + channels],
            X[below],
            X[below + channels],
          );
        }
    return a;
  }

  /** z = b + hW; W has a row for each input. */
  function dense(h, W, b) {
    const z = Float64Array.from(b);
    for (let i = 0; i < h.length; i++)
      for (let k = 0; k < b.length; k++) z[k] += h[i] * W[i * b.length + k];
    return z;
  }

  function softmax(z) {
    const largest = Math.max(...z);
    const e = z.map((v) => Math.exp(v - largest));
    const sum = e.reduce((total, v) => total + v, 0);
    return e.map((v) => v / sum);
  }

  const tanh = (z) => z.map(Math.tanh);
  const relu = (z) => z.map((v) => Math.max(v, 0));

  /** The output of every layer for one picture of 28×28 pixels, by name. */
  function forward(X, [K1, b1, K2, b2, K3, b3, W4, b4, W5, b5]) {
    const first = tanh(convolve(X, 28, 1, K1, 5, b1)); // 24×24×4
    const second = tanh(convolve(first, 24, 4, K2, 3, b2)); // 22×22×8
    const pooled = maxPool(second, 22, 8); // 11×11×8
    const third = relu(convolve(pooled, 11, 8, K3, 3, b3)); // 9×9×16
    const small = maxPool(third, 9, 16); // 4×4×16, read as a list of 256
    const hidden = tanh(dense(small, W4, b4)); // 128
    const output = softmax(dense(hidden, W5, b5)); // 10
    return { picture: X, first, second, pooled, third, small, hidden, output };
  }

  // What each layer is made of, and where its weights stand in the list.
  const LAYERS = {
    picture: { shape: [28, 28, 1] },
    first: { from: "picture", shape: [24, 24, 4], size: 5, at: 0, activation: "tanh" },
    second: { from: "first", shape: [22, 22, 8], size: 3, at: 2, activation: "tanh" },
    pooled: { from: "second", shape: [11, 11, 8] },
    third: { from: "pooled", shape: [9, 9, 16], size: 3, at: 4, activation: "relu" },
    small: { from: "third", shape: [4, 4, 16] },
    hidden: { from: "small", shape: [128], at: 6, activation: "tanh" },
    output: { from: "hidden", shape: [10], at: 8, activation: "softmax" },
  };

  /** How one number of a layer is made, `place` its [i, j, f] or [k]: the numbers of the layer
      below that it looks at, the weights on them, their products, Σ, b, z and a. */
  function made(name, place, layers, weights) {
    const { from, size, at, shape } = LAYERS[name];
    const [, width, channels] = LAYERS[from].shape;
    const below = layers[from];
    const [i, j, f] = place;
    const a = layers[name][place.reduce((sum, v, d) => sum * shape[d] + v, 0)];
    if (at === undefined) {
      const steps = [0, 1, width, width + 1]; // max pooling: a 2×2 square of the same map
      const patch = steps.map((step) => below[(2 * i * width + 2 * j + step) * channels + f]);
      return { patch, a };
    }
    const patch = [];
    if (size) {
      for (let u = 0; u < size; u++)
        for (let v = 0; v < size; v++)
          for (let c = 0; c < channels; c++)
            patch.push(below[((i + u) * width + j + v) * channels + c]);
    } else patch.push(...below);
    const [W, b] = [weights[at], weights[at + 1]];
    const unit = size ? f : place[0];
    const filter = patch.map((_, k) => W[k * b.length + unit]);
    const products = patch.map((v, k) => v * filter[k]);
    const sum = products.reduce((total, v) => total + v, 0);
    return { patch, filter, products, sum, b: b[unit], z: sum + b[unit], a };
  }

  /** float32 as base64 text, as course.lab ships it: {shape, float32} → a flat array. */
  function unpacked({ float32 }) {
    const text = atob(float32);
    const bytes = new DataView(new ArrayBuffer(text.length));
    for (let i = 0; i < text.length; i++) bytes.setUint8(i, text.charCodeAt(i));
    return Float64Array.from({ length: text.length / 4 }, (_, i) => bytes.getFloat32(4 * i, true));
  }

  // The drawing ---------------------------------------------------------------------------------
  /** Draw one straight piece of a stroke with a round pen: a pixel's ink falls from 1 to 0 over
      one pixel at the edge of the pen. Ends are whole numbers, pixels of the paper. */
  function drawPiece(ink, pen, [x0, y0], [x1, y1]) {
    const [dx, dy] = [x1 - x0, y1 - y0];
    const square = dx * dx + dy * dy || 1;
    const reach = pen / 2 + 0.5;
    const from = (v) => Math.max(0, Math.ceil(v - reach));
    const to = (v) => Math.min(PAPER - 1, Math.floor(v + reach));
    for (let y = from(Math.min(y0, y1)); y <= to(Math.max(y0, y1)); y++)
      for (let x = from(Math.min(x0, x1)); x <= to(Math.max(x0, x1)); x++) {
        const along = Math.max(0, Math.min(1, ((x - x0) * dx + (y - y0) * dy) / square));
        const [aside, below] = [x - x0 - along * dx, y - y0 - along * dy];
        const distance = Math.sqrt(aside * aside + below * below);
        const dark = fround(Math.max(0, Math.min(1, reach - distance)));
        if (dark > ink[y * PAPER + x]) ink[y * PAPER + x] = dark;
      }
  }

  /** The straight pieces of all strokes; a stroke of one point is a dot. */
  function pieces(strokes) {
    return strokes.flatMap((points) =>
      points.length === 1
        ? [[points[0], points[0]]]
        : points.slice(1).map((point, i) => [points[i], point]),
    );
  }

  /** The ink on the paper, 280×280 numbers from 0 to 1. */
  function draw(strokes, pen) {
    const ink = new Float32Array(PAPER * PAPER);
    for (const [start, end] of pieces(strokes)) drawPiece(ink, pen, start, end);
    return ink;
  }

  const DIGITS64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  /** Strokes as text for a link: three letters for a point, a full stop between strokes. */
  function written(strokes) {
    const letters = (n) => DIGITS64[n >> 12] + DIGITS64[(n >> 6) & 63] + DIGITS64[n & 63];
    return strokes.map((s) => s.map(([x, y]) => letters(y * PAPER + x)).join("")).join(".");
  }
  function parsed(text) {
    if (text === "") return [];
    const value = (letters) => [...letters].reduce((n, c) => 64 * n + DIGITS64.indexOf(c), 0);
    return text.split(".").map((stroke) => {
      if (!/^([\w-]{3})+$/.test(stroke)) throw new RangeError(lab.t("it cannot be read"));
      const numbers = stroke.match(/.{3}/g).map(value);
      return numbers.map((n) => [n % PAPER, Math.floor(n / PAPER)]);
    });
  }

  // The picture ---------------------------------------------------------------------------------
  /** Python's round: a half goes to the even number. */
  function rounded(v) {
    const low = Math.floor(v);
    if (v - low !== 0.5) return Math.round(v);
    return low % 2 === 0 ? low : low + 1;
  }

  /** Which old pixels the box of each new one covers, [first, behind the last], as Pillow has it. */
  function boxes(size, wanted) {
    const scale = size / wanted;
    const wide = Math.max(scale, 1);
    return Array.from({ length: wanted }, (_, i) => {
      const centre = (i + 0.5) * scale;
      let low = Math.max(0, Math.trunc(centre - 0.5 * wide + 0.5));
      let high = Math.min(size, Math.trunc(centre + 0.5 * wide + 0.5));
      const covered = (x) => {
        const place = (x - centre + 0.5) * (1 / wide);
        return place > -0.5 && place <= 0.5;
      };
      while (low < high && !covered(low)) low++;
      while (low < high && !covered(high - 1)) high--;
      return [low, high];
    });
  }

  /** Each new pixel the mean of its box: along the rows, then down the columns. */
  function resized(ink, height, width, newHeight, newWidth) {
    const across = new Float32Array(height * newWidth);
    boxes(width, newWidth).forEach(([low, high], x) => {
      const weight = 1 / (high - low);
      for (let y = 0; y < height; y++) {
        let sum = 0;
        for (let k = low; k < high; k++) sum += ink[y * width + k] * weight;
        across[y * newWidth + x] = sum;
      }
    });
    const small = new Float32Array(newHeight * newWidth);
    boxes(height, newHeight).forEach(([low, high], y) => {
      const weight = 1 / (high - low);
      for (let x = 0; x < newWidth; x++) {
        let sum = 0;
        for (let k = low; k < high; k++) sum += across[k * newWidth + x] * weight;
        small[y * newWidth + x] = sum;
      }
    });
    return small;
  }

  /** The sum in float32, added in NumPy's order. The centre of mass of a symmetric drawing lies
      where rounding goes either way: there the sum's last bit counts. */
  function sum32(values) {
    const n = values.length;
    if (n > 128) {
      const half = Math.floor(n / 16) * 8;
      return fround(sum32(values.subarray(0, half)) + sum32(values.subarray(half)));
    }
    if (n < 8) return values.reduce((total, v) => fround(total + v), 0);
    const part = new Float32Array(8);
    const whole = n - (n % 8);
    for (let i = 0; i < whole; i++) part[i % 8] += values[i];
    const [a, b, c, d] = [0, 2, 4, 6].map((i) => fround(part[i] + part[i + 1]));
    const total = fround(fround(a + b) + fround(c + d));
    return values.subarray(whole).reduce((sum, v) => fround(sum + v), total);
  }

  /** Cut out the ink, scale it to 20×20, centre its mass in 28×28; null where there is no ink. */
  function centred(ink, width = PAPER) {
    let [top, bottom, left, right] = [ink.length, -1, width, -1];
    for (let y = 0; y < ink.length / width; y++)
      for (let x = 0; x < width; x++)
        if (ink[y * width + x] > FAINT) {
          if (top > y) top = y;
          if (left > x) left = x;
          if (right < x) right = x;
          bottom = y;
        }
    if (bottom < 0) return null;
    const [tall, wide] = [bottom - top + 1, right - left + 1];
    const cut = new Float32Array(tall * wide);
    for (let y = 0; y < tall; y++) {
      const from = (top + y) * width + left;
      cut.set(ink.subarray(from, from + wide), y * wide);
    }
    const scale = BOX / Math.max(tall, wide);
    const [newTall, newWide] = [tall, wide].map((side) => Math.max(1, rounded(side * scale)));
    const small = resized(cut, tall, wide, newTall, newWide);
    const darkest = Math.max(...small, fround(1e-6));
    small.forEach((v, i) => {
      small[i] = v / darkest;
    });
    const total = sum32(small);
    const row = (i) => small.subarray(i * newWide, (i + 1) * newWide);
    const column = (j) =>
      Array.from({ length: newTall }, (_, i) => small[i * newWide + j]).reduce(
        (sum, v) => fround(sum + v),
        0,
      );
    const corner = (side, mass) => {
      let moment = 0;
      for (let k = 0; k < side; k++) moment += mass(k) * k;
      const at = Math.floor((SIDE - 1) / 2 - moment / total + 0.5);
      return Math.max(0, Math.min(SIDE - side, at));
    };
    const y = corner(newTall, (i) => sum32(row(i)));
    const x = corner(newWide, column);
    const picture = new Float32Array(SIDE * SIDE);
    for (let i = 0; i < newTall; i++) picture.set(row(i), (y + i) * SIDE + x);
    return picture;
  }

  lab.digit = {
    SIDE,
    PAPER,
    LAYERS,
    convolve,
    maxPool,
    dense,
    softmax,
    forward,
    made,
    unpacked,
    drawPiece,
    pieces,
    draw,
    written,
    parsed,
    boxes,
    resized,
    sum32,
    centred,
  };
})(window.lab);
