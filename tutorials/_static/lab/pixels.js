/* Pictures whose pixels are numbers: painted, framed, and found under the pointer. */
((lab) => {
  const { element } = lab;

  const SHADES = 255; // between no ink and ink, between 0 and a number of full size
  const palettes = {}; // {colours: [a pixel's 32 bits for each shade]}
  /** From low over zero to high, the page's colours of these names, SHADES steps each. */
  function palette(...names) {
    const colours = names.map(lab.colour);
    palettes[colours] ??= mixed(colours);
    return palettes[colours];
  }
  function mixed(colours) {
    const canvas = element("canvas", { width: 2 * SHADES + 1, height: 1 });
    const context = canvas.getContext("2d");
    const ramp = context.createLinearGradient(0.5, 0, 2 * SHADES + 0.5, 0);
    for (const [i, colour] of colours.entries()) ramp.addColorStop(i / 2, colour);
    context.fillStyle = ramp;
    context.fillRect(0, 0, 2 * SHADES + 1, 1);
    return new Uint32Array(context.getImageData(0, 0, 2 * SHADES + 1, 1).data.buffer);
  }

  /** Paint maps side by side: numbers from −scale (blue) over 0 (ground) to scale (red), or ink. */
  function paint(canvas, values, [height, width, channels], columns, scale, ink = false) {
    const across = columns * (width + 1) - 1;
    const down = Math.ceil(channels / columns) * (height + 1) - 1;
    if (canvas.width !== across) canvas.width = across;
    if (canvas.height !== down) canvas.height = down;
    const shades = palette("blue", "ground", ink ? "text" : "red");
    const pixels = new Uint32Array(across * down); // clear between the maps
    const factor = scale > 0 ? SHADES / scale : 0;
    for (let c = 0; c < channels; c++) {
      const left = (c % columns) * (width + 1);
      const top = Math.floor(c / columns) * (height + 1);
      for (let i = 0; i < height; i++)
        for (let j = 0; j < width; j++) {
          const shade = Math.round(factor * values[(i * width + j) * channels + c]);
          pixels[(top + i) * across + left + j] =
            shades[SHADES + Math.max(-SHADES, Math.min(SHADES, shade))];
        }
    }
    const image = new ImageData(new Uint8ClampedArray(pixels.buffer), across, down);
    canvas.getContext("2d").putImageData(image, 0, 0);
  }
  const largest = (values) => values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);

  /** Maps side by side as one picture, in which a pixel can be chosen. */
  class Maps {
    /** shape: [height, width, maps], or [numbers] of a list, which is shown in rows of 16. */
    constructor(title, shape, columns = 1) {
      this.shape = shape.length === 1 ? [shape[0] / 16, 16, 1] : shape;
      Object.assign(this, { title, columns, list: shape.length === 1 });
      this.canvas = element("canvas", { role: "img", "aria-label": title });
      this.wrap = element("div", { class: "bench-maps" }, this.canvas);
      this.frames = [];
    }

    paint(values, scale, ink) {
      paint(this.canvas, values, this.shape, this.columns, scale, ink);
    }

    /** The place [i, j, f] or [k] under the pointer, null between the maps. */
    at(event) {
      const box = this.canvas.getBoundingClientRect();
      const [height, width, channels] = this.shape;
      const x = Math.floor(((event.clientX - box.left) / box.width) * this.canvas.width);
      const y = Math.floor(((event.clientY - box.top) / box.height) * this.canvas.height);
      const [i, j] = [y % (height + 1), x % (width + 1)];
      const f = Math.floor(y / (height + 1)) * this.columns + Math.floor(x / (width + 1));
      if (x < 0 || y < 0 || i >= height || j >= width || f >= channels) return null;
      return this.list ? [i * width + j] : [i, j, f];
    }

    /** The place a step away, over the edge into the next map. */
    beside(place, right, down) {
      const [height, width, channels] = this.shape;
      const [i, j, f] = this.list ? [Math.floor(place[0] / width), place[0] % width, 0] : place;
      const rows = Math.ceil(channels / this.columns);
      const limit = (v, count) => Math.max(0, Math.min(count - 1, v));
      const x = limit((f % this.columns) * width + j + right, this.columns * width);
      const y = limit(Math.floor(f / this.columns) * height + i + down, rows * height);
      const map = Math.floor(y / height) * this.columns + Math.floor(x / width);
      return this.list ? [y * width + x] : [y % height, x % width, map];
    }

    /** Frames around squares of pixels: [[i, j, f, size], …]; a fifth may be a square's own kind. */
    frame(squares, kind = "") {
      const [height, width] = this.shape;
      while (this.frames.length > squares.length) this.frames.pop().remove();
      while (this.frames.length < squares.length) {
        this.frames.push(element("span"));
        this.wrap.append(this.frames.at(-1));
      }
      const share = (v, all) => `${(100 * v) / all}%`;
      squares.forEach(([i, j, f, size, own = kind], n) => {
        const x = (f % this.columns) * (width + 1) + j;
        const y = Math.floor(f / this.columns) * (height + 1) + i;
        const { style } = this.frames[n];
        this.frames[n].className = own;
        style.left = share(x, this.canvas.width);
        style.top = share(y, this.canvas.height);
        style.width = share(size, this.canvas.width);
        style.height = share(size, this.canvas.height);
      });
    }
  }

  /** The step that an arrow key makes, to the right and down. */
  const step = ({ key }) =>
    ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] })[key];

  lab.pixels = { Maps, largest, paint, step };
})(window.lab);
