// WAV files: their samples as numbers, and the same file again with other samples.

const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xfffe;

/**
 * Finds the samples in a WAV file.
 * @param {ArrayBuffer} file
 * @returns what the file says; null for another format, or kinds of samples that are left to the browser
 */
export function find(file) {
  const view = new DataView(file);
  const name = (at) => String.fromCharCode(...new Uint8Array(file, at, 4));
  if (file.byteLength < 12 || !['RIFF', 'RF64'].includes(name(0)) || name(8) !== 'WAVE') return null;
  let [format, long] = [null, null];
  for (let at = 12; at + 8 <= file.byteLength;) {
    const id = name(at);
    let size = view.getUint32(at + 4, true);
    at += 8;
    const left = file.byteLength - at;
    if (id === 'ds64' && left >= 24) long = Number(view.getBigUint64(at + 8, true));
    if (id === 'fmt ' && size >= 16 && left >= 16) {
      let kind = view.getUint16(at, true);
      if (kind === EXTENSIBLE && size >= 26 && left >= 26) kind = view.getUint16(at + 24, true);
      const [count, rate, bits] = [view.getUint16(at + 2, true), view.getUint32(at + 4, true), view.getUint16(at + 14, true)];
      const known = kind === PCM ? [8, 16, 24, 32] : kind === FLOAT ? [32, 64] : [];
      if (!known.includes(bits) || !count || view.getUint16(at + 12, true) !== count * bits / 8) return null;
      format = { rate, count, bits, float: kind === FLOAT };
    }
    if (id === 'data') {
      if (!format) return null;
      if (size === 0xffffffff && long !== null) size = long;
      // A file that was cut short, or whose writer never came back to it, holds what is there.
      const frame = format.count * format.bits / 8;
      const frames = Math.floor(Math.min(size, left) / frame);
      return { ...format, from: at, frames, whole: size <= left };
    }
    at += size + size % 2;
  }
  return null;
}

/** How numbers of a kind are read and written: full scale is 1. */
function numbers({ bits, float }) {
  if (float && bits === 32) return [(v, at) => v.getFloat32(at, true), (v, at, x) => v.setFloat32(at, x, true)];
  if (float) return [(v, at) => v.getFloat64(at, true), (v, at, x) => v.setFloat64(at, x, true)];
  const scale = 2 ** (bits - 1);
  const whole = (x) => Math.max(-scale, Math.min(scale - 1, Math.round(x * scale)));
  return {
    8: [(v, at) => (v.getUint8(at) - 128) / scale, (v, at, x) => v.setUint8(at, whole(x) + 128)],
    16: [(v, at) => v.getInt16(at, true) / scale, (v, at, x) => v.setInt16(at, whole(x), true)],
    24: [
      (v, at) => (v.getUint16(at, true) + v.getInt8(at + 2) * 65536) / scale,
      (v, at, x) => {
        const number = whole(x);
        v.setUint16(at, number & 0xffff, true);
        v.setInt8(at + 2, number >> 16);
      },
    ],
    32: [(v, at) => v.getInt32(at, true) / scale, (v, at, x) => v.setInt32(at, whole(x), true)],
  }[bits];
}

/** Reads a file's samples into `channels`; those that are no numbers are 0. */
export function read(file, info, channels) {
  const [view, [get], size] = [new DataView(file), numbers(info), info.bits / 8];
  channels.forEach((samples, c) => {
    for (let n = 0, at = info.from + c * size; n < info.frames; n++, at += size * info.count) {
      const sample = get(view, at);
      samples[n] = Number.isFinite(sample) ? sample : 0;
    }
  });
}

/** The head of a new file. */
export function head(info) {
  const { rate, count, bits, float, frames } = info;
  const [frame, size] = [count * bits / 8, count * frames * bits / 8];
  if (size > 0xffffff00) throw new Error('the result would be longer than 4 GB, which a WAV file cannot be');
  const view = new DataView(new ArrayBuffer(44));
  const words = [[0, 'RIFF'], [8, 'WAVE'], [12, 'fmt '], [36, 'data']];
  for (const [at, word] of words) [...word].forEach((c, n) => view.setUint8(at + n, c.charCodeAt(0)));
  view.setUint32(4, 36 + size + size % 2, true);
  view.setUint32(16, 16, true);
  view.setUint16(20, float ? FLOAT : PCM, true);
  view.setUint16(22, count, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * frame, true);
  view.setUint16(32, frame, true);
  view.setUint16(34, bits, true);
  view.setUint32(40, size, true);
  return view.buffer;
}

/**
 * The bytes of samples, and how many were too loud for them.
 * @param {(channel: number, sample: number) => number} sample
 */
export function write(info, sample) {
  const [, set] = numbers(info);
  const size = info.bits / 8;
  const bytes = new ArrayBuffer(info.frames * info.count * size);
  const view = new DataView(bytes);
  let limited = 0;
  for (let n = 0, at = 0; n < info.frames; n++) {
    for (let c = 0; c < info.count; c++, at += size) {
      const x = sample(c, n);
      if (!info.float && (x >= 1 || x < -1)) limited += 1;
      set(view, at, x);
    }
  }
  return { bytes, limited };
}
