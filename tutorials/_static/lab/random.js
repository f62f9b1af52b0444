/* NumPy's random numbers in JavaScript: lab.random(seed) draws the same bits as
   np.random.default_rng(seed), so what a bench shows can be computed again in Python.

   SeedSequence and PCG64, M. O'Neill, "PCG: A Family of Simple Fast Space-Efficient
   Statistically Good Algorithms for Random Number Generation", 2014, in NumPy's versions. */
((lab) => {
  const MASK64 = (1n << 64n) - 1n;
  const MASK128 = (1n << 128n) - 1n;
  const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;

  /** Mix a seed, a whole number below 2³², into eight words of 32 bits. */
  function seedWords(seed) {
    let hash = 0x43b0d7e5;
    const mixed = (value) => {
      value = (value ^ hash) >>> 0;
      hash = Math.imul(hash, 0x931e8875) >>> 0;
      value = Math.imul(value, hash) >>> 0;
      return (value ^ (value >>> 16)) >>> 0;
    };
    const mix = (x, y) => {
      const z = (Math.imul(x, 0xca01f9dd) - Math.imul(y, 0x4973f715)) >>> 0;
      return (z ^ (z >>> 16)) >>> 0;
    };
    const pool = [mixed(seed), mixed(0), mixed(0), mixed(0)];
    for (let from = 0; from < 4; from++)
      for (let to = 0; to < 4; to++) if (from !== to) pool[to] = mix(pool[to], mixed(pool[from]));
    hash = 0x8b51f9dd;
    return Array.from({ length: 8 }, (_, i) => {
      let value = (pool[i % 4] ^ hash) >>> 0;
      hash = Math.imul(hash, 0x58f38ded) >>> 0;
      value = Math.imul(value, hash) >>> 0;
      return (value ^ (value >>> 16)) >>> 0;
    });
  }

  /** A generator; every method is NumPy's of that name. */
  lab.random = (seed) => {
    const words = seedWords(seed).map(BigInt);
    const wide = (i) => words[i] | (words[i + 1] << 32n);
    const increment = ((((wide(4) << 64n) | wide(6)) << 1n) | 1n) & MASK128;
    let state = 0n;
    const turn = () => {
      state = (state * MULTIPLIER + increment) & MASK128;
    };
    turn();
    state = (state + ((wide(0) << 64n) | wide(2))) & MASK128;
    turn();

    const next64 = () => {
      turn();
      const value = (state >> 64n) ^ (state & MASK64);
      const by = state >> 122n;
      return ((value >> by) | (value << (64n - by))) & MASK64;
    };
    let half = null; // the upper half of 64 bits whose lower half was used
    const next32 = () => {
      if (half !== null) {
        const value = half;
        half = null;
        return value;
      }
      const both = next64();
      half = Number(both >> 32n);
      return Number(both & 0xffffffffn);
    };
    /** A whole number from 0 to `largest`, below 2³² (Lemire's method). */
    const below = (largest) => {
      if (largest === 0) return 0;
      const count = BigInt(largest) + 1n;
      const reject = (0x100000000n - count) % count;
      for (;;) {
        const product = BigInt(next32()) * count;
        if ((product & 0xffffffffn) >= reject) return Number(product >> 32n);
      }
    };

    /** The same by masking: what NumPy's shuffles draw with. */
    const masked = (largest) => {
      const mask = 2 ** (32 - Math.clz32(largest)) - 1;
      for (;;) {
        const value = (next32() & mask) >>> 0;
        if (value <= largest) return value;
      }
    };

    return {
      /** Uniform in [0, 1), an array of `count`. */
      random: (count) => Array.from({ length: count }, () => Number(next64() >> 11n) / 2 ** 53),
      uniform(low, high, count) {
        return this.random(count).map((u) => low + (high - low) * u);
      },
      /** Whole numbers from 0 to count − 1. */
      integers: (count, size) => Array.from({ length: size }, () => below(count - 1)),
      permutation(count) {
        const order = Array.from({ length: count }, (_, i) => i);
        for (let i = count - 1; i > 0; i--) {
          const j = masked(i);
          [order[i], order[j]] = [order[j], order[i]];
        }
        return order;
      },
    };
  };
})(window.lab);
