// A file as samples, at the rate that they have in it: browsers convert to another one unless they are told.
import { channelsOf } from './recording.js';
import { find, read } from './wav.js';

/** The rate of files that do not tell theirs where it is looked for. */
const USUAL = 48_000;

/** The rate of a file that is not WAV, and its depth where there is one; null for a rate that is not found. */
export function format(file) {
  const bytes = new Uint8Array(file, 0, Math.min(file.byteLength, 1 << 20));
  const view = new DataView(file);
  const is = (word, at = 0) => [...word].every((c, n) => bytes[at + n] === c.charCodeAt(0));
  if (is('fLaC') && bytes.length >= 22) {
    const rate = (bytes[18] << 12) | (bytes[19] << 4) | (bytes[20] >> 4);
    return { rate, bits: (((bytes[20] & 1) << 4) | (bytes[21] >> 4)) + 1 };
  }
  if (is('OggS')) {
    for (let at = 0; at + 20 < Math.min(bytes.length, 512); at++) {
      if (is('OpusHead', at)) return { rate: 48_000 };
      if (is('\x01vorbis', at)) return { rate: view.getUint32(at + 12, true) };
    }
  }
  if (is('ftyp', 4)) return { rate: mp4Rate(view, 0, file.byteLength) };
  if (is('\x1aE\xdf\xa3')) return { rate: USUAL }; // WebM: Opus, nearly always
  let at = 0;
  if (is('ID3') && bytes.length >= 10) at = 10 + ((bytes[6] << 21) | (bytes[7] << 14) | (bytes[8] << 7) | bytes[9]);
  if (at + 4 <= file.byteLength && view.getUint8(at) === 0xff) {
    const [second, third] = [view.getUint8(at + 1), view.getUint8(at + 2)];
    if ((second & 0xf6) === 0xf0) { // ADTS
      return { rate: [96, 88.2, 64, 48, 44.1, 32, 24, 22.05, 16, 12, 11.025, 8][(third >> 2) & 15] * 1000 || null };
    }
    const halved = { 3: 1, 2: 2, 0: 4 }[(second >> 3) & 3]; // MPEG 1, 2, 2.5
    if ((second & 0xe0) === 0xe0 && halved) return { rate: [44_100, 48_000, 32_000][(third >> 2) & 3] / halved || null };
  }
  return { rate: null };
}

/** The rate that the first sound track of an MP4 says it has. */
function mp4Rate(view, from, to) {
  const inside = ['moov', 'trak', 'mdia', 'minf', 'stbl'];
  for (let at = from; at + 8 <= to;) {
    let [size, head] = [view.getUint32(at), 8];
    const name = String.fromCharCode(...new Uint8Array(view.buffer, at + 4, 4));
    if (size === 1 && at + 16 <= to) [size, head] = [Number(view.getBigUint64(at + 8)), 16];
    if (size === 0) size = to - at;
    if (size < head) return null;
    const end = Math.min(at + size, to);
    if (inside.includes(name)) {
      const rate = mp4Rate(view, at + head, end);
      if (rate) return rate;
    }
    // A sample description: a head of 8 bytes, then entries; those of sound have their rate after 24 bytes and their own head.
    if (name === 'stsd' && at + head + 8 + 36 <= end) {
      const kind = String.fromCharCode(...new Uint8Array(view.buffer, at + head + 12, 4));
      if (['mp4a', 'Opus', 'alac', 'fLaC', 'ac-3', 'ec-3'].includes(kind)) return view.getUint16(at + head + 8 + 32) || null;
    }
    at = end;
  }
  return null;
}

/**
 * Decodes a file.
 * @param {ArrayBuffer} file is gone afterwards
 * @returns {Promise<{ sound: AudioBuffer, info: object, around: ArrayBuffer[] | null, notes: string[] }>}
 * `info` is the format to save in, `around` what a WAV file has before and after its samples
 */
export async function decode(file) {
  const info = find(file);
  if (info) {
    if (!info.frames) throw new Error('there are no samples in it');
    const sound = new AudioBuffer({ numberOfChannels: info.count, length: info.frames, sampleRate: info.rate });
    read(file, info, channelsOf(sound));
    const around = [file.slice(0, info.from), file.slice(info.from + info.frames * info.count * info.bits / 8)];
    return { sound, info, around, notes: info.whole ? [] : ['The file ends early; what is there was taken.'] };
  }
  const found = format(file);
  const known = found.rate >= 8000 && found.rate <= 192_000;
  const context = new OfflineAudioContext(1, 1, known ? found.rate : USUAL);
  const sound = await context.decodeAudioData(file).catch(() => {
    throw new Error('this browser finds no sound in it that it can read');
  });
  const bits = [16, 24].includes(found.bits) ? found.bits : 24;
  const { sampleRate: rate, numberOfChannels: count, length: frames } = sound;
  const notes = known ? [] : [`Its rate is not told where it was looked for: it will be saved at ${rate} Hz.`];
  return { sound, info: { rate, count, bits, float: false, frames }, around: null, notes };
}
