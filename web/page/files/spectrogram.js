// Spectrograms: brightness over time and frequency.

const SIZE = 1024;
const RANGE = 80;
/** From dark to bright: red, green, blue. */
const COLOURS = [[0, 0, 4], [40, 11, 84], [101, 21, 110], [159, 42, 99], [212, 72, 66], [245, 125, 21], [250, 193, 39], [252, 255, 164]];

const window = Float32Array.from({ length: SIZE }, (_, n) => 0.5 - 0.5 * Math.cos(2 * Math.PI * n / SIZE));
const turns = Float32Array.from({ length: SIZE }, (_, n) => Math.cos(2 * Math.PI * n / SIZE));
const reversed = Uint16Array.from({ length: SIZE }, (_, n) => {
  let [bits, out] = [n, 0];
  for (let size = SIZE; size > 1; size >>= 1, bits >>= 1) out = (out << 1) | (bits & 1);
  return out;
});
const [re, im] = [new Float32Array(SIZE), new Float32Array(SIZE)];

/** Adds the powers of SIZE samples from `at` on to `powers`, by bin. */
function add(samples, at, powers) {
  for (let n = 0; n < SIZE; n++) {
    re[reversed[n]] = (samples[at + n] ?? 0) * window[n];
    im[n] = 0;
  }
  for (let half = 1; half < SIZE; half *= 2) {
    const stride = SIZE / (2 * half);
    for (let start = 0; start < SIZE; start += 2 * half) {
      for (let k = 0; k < half; k++) {
        const [cos, sin] = [turns[k * stride], -turns[(k * stride + 3 * SIZE / 4) % SIZE]];
        const [a, b] = [start + k, start + k + half];
        const [x, y] = [re[b] * cos - im[b] * sin, re[b] * sin + im[b] * cos];
        [re[b], im[b]] = [re[a] - x, im[a] - y];
        re[a] += x;
        im[a] += y;
      }
    }
  }
  for (let bin = 0; bin < SIZE / 2; bin++) powers[bin] += re[bin] * re[bin] + im[bin] * im[bin];
}

/**
 * Levels in dB of `columns` moments of a mono signal, `[column][bin]`; long columns are means of a few places.
 * @param {[number, number]} part in samples @param {() => boolean} late whether nobody waits for it any more
 */
export async function levels(samples, columns, [from, to] = [0, samples.length], late = () => false) {
  const step = (to - from) / columns;
  const places = Math.max(1, Math.min(4, Math.floor(step / SIZE)));
  const all = [];
  for (let column = 0; column < columns; column++) {
    const powers = new Float32Array(SIZE / 2);
    for (let p = 0; p < places; p++) {
      add(samples, Math.round(from + (column + (p + 0.5) / places) * step - SIZE / 2), powers);
    }
    all.push(powers.map((power) => 10 * Math.log10(power / places + 1e-12)));
    if (column % 50 === 49) {
      await new Promise((resolve) => setTimeout(resolve));
      if (late()) return all;
    }
  }
  return all;
}

/** The brightest level. */
export function brightest(all) {
  return all.reduce((most, column) => column.reduce((a, b) => Math.max(a, b), most), -Infinity);
}

/** Draws levels, low frequencies below; `top` is the level of the brightest colour. */
export function draw(canvas, all, top) {
  [canvas.width, canvas.height] = [all.length, SIZE / 4];
  const context = canvas.getContext('2d');
  const image = context.createImageData(canvas.width, canvas.height);
  for (let y = 0; y < canvas.height; y++) {
    const bin = 2 * (canvas.height - 1 - y);
    for (let x = 0; x < canvas.width; x++) {
      const level = Math.max(all[x][bin], all[x][bin + 1]);
      const place = Math.max(0, Math.min(1, (level - top) / RANGE + 1)) * (COLOURS.length - 1);
      const [low, part] = [Math.min(Math.floor(place), COLOURS.length - 2), place - Math.min(Math.floor(place), COLOURS.length - 2)];
      for (let c = 0; c < 3; c++) {
        image.data[4 * (y * canvas.width + x) + c] = COLOURS[low][c] + part * (COLOURS[low + 1][c] - COLOURS[low][c]);
      }
      image.data[4 * (y * canvas.width + x) + 3] = 255;
    }
  }
  context.putImageData(image, 0, 0);
}
