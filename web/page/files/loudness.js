// Loudness of a recording before and after, and of every mixture of the two (EBU R 128, ITU-R BS.1770).

/** Seconds of a step; a block has four. */
const STEP = 0.1;

/** The two filters of BS.1770 at a rate: coefficients b0 b1 b2 a1 a2. */
function weighting(rate) {
  const tan = (f) => Math.tan(Math.PI * f / rate);
  let [k, q] = [tan(1681.974450955533), 0.7071752369554196];
  const high = 10 ** (3.999843853973347 / 20);
  const middle = high ** 0.4996667741545416;
  let a0 = 1 + k / q + k * k;
  const shelf = [
    (high + middle * k / q + k * k) / a0, 2 * (k * k - high) / a0, (high - middle * k / q + k * k) / a0,
    2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0,
  ];
  [k, q] = [tan(38.13547087602444), 0.5003270373238773];
  a0 = 1 + k / q + k * k;
  return [shelf, [1, -2, 1, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0]];
}

/** A signal through both filters, part by part. */
class Weighted {
  constructor(filters) {
    this.filters = filters.map((coefficients) => ({ coefficients, state: [0, 0] }));
  }

  next(samples, from, to, out) {
    for (let n = from; n < to; n++) out[n - from] = samples[n];
    for (const filter of this.filters) {
      const [b0, b1, b2, a1, a2] = filter.coefficients;
      let [s1, s2] = filter.state;
      for (let n = 0; n < to - from; n++) {
        const x = out[n];
        const y = b0 * x + s1;
        s1 = b1 * x - a1 * y + s2;
        s2 = b2 * x - a2 * y;
        out[n] = y;
      }
      filter.state = [s1, s2];
    }
  }
}

/** Measures two signals; gives the function that tells the loudness in LUFS of u · before + v · after, -Infinity for silence. */
export async function measure(rate, before, after) {
  const step = Math.round(rate * STEP);
  const steps = Math.floor(before[0].length / step);
  /** Energies of both and what they share, `[step][3]`. */
  const energies = new Float64Array(3 * steps);
  const [a, b] = [new Float32Array(step), new Float32Array(step)];
  const filters = weighting(rate);
  for (let c = 0; c < before.length; c++) {
    const [first, second] = [new Weighted(filters), new Weighted(filters)];
    for (let s = 0; s < steps; s++) {
      first.next(before[c], s * step, (s + 1) * step, a);
      second.next(after[c], s * step, (s + 1) * step, b);
      let [aa, ab, bb] = [0, 0, 0];
      for (let n = 0; n < step; n++) {
        aa += a[n] * a[n];
        ab += a[n] * b[n];
        bb += b[n] * b[n];
      }
      energies[3 * s] += aa / step;
      energies[3 * s + 1] += ab / step;
      energies[3 * s + 2] += bb / step;
      if (s % 100 === 99) await new Promise((resolve) => setTimeout(resolve));
    }
  }
  return (u, v) => {
    const of = (s) => u * u * energies[3 * s] + 2 * u * v * energies[3 * s + 1] + v * v * energies[3 * s + 2];
    const blocks = [];
    for (let s = 0; s + 4 <= steps; s++) blocks.push((of(s) + of(s + 1) + of(s + 2) + of(s + 3)) / 4);
    const level = (energy) => -0.691 + 10 * Math.log10(Math.max(energy, 0));
    const mean = (list) => list.reduce((sum, x) => sum + x, 0) / list.length;
    const heard = blocks.filter((energy) => level(energy) > -70);
    if (!heard.length) return -Infinity;
    const gate = level(mean(heard)) - 10;
    return level(mean(heard.filter((energy) => level(energy) > gate)));
  };
}
