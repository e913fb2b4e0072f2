// Sounds for the tests, and what the library makes of them on this machine.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A WAV file of 16 bits or, with `bits` of 32, in f32; `before` are chunks that come before the samples. */
export function wav(rate, channels, bits = 32, before = Buffer.alloc(0)) {
  const [count, length, bytes] = [channels.length, channels[0].length, bits / 8];
  const data = Buffer.alloc(length * count * bytes);
  for (let n = 0, at = 0; n < length; n++) {
    for (const samples of channels) {
      if (bits === 32) data.writeFloatLE(samples[n], at);
      else data.writeInt16LE(Math.max(-32768, Math.min(32767, Math.round(samples[n] * 32768))), at);
      at += bytes;
    }
  }
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + before.length + data.length, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(bits === 32 ? 3 : 1, 20);
  head.writeUInt16LE(count, 22);
  head.writeUInt32LE(rate, 24);
  head.writeUInt32LE(rate * count * bytes, 28);
  head.writeUInt16LE(count * bytes, 32);
  head.writeUInt16LE(bits, 34);
  const tail = Buffer.alloc(8);
  tail.write('data', 0);
  tail.writeUInt32LE(data.length, 4);
  return Buffer.concat([head.subarray(0, 36), before, tail, data]);
}

/** The samples of a WAV file of 16 bits or in f32, by channel. */
export function samples(file) {
  let [at, format, count, bits] = [12, 0, 0, 0];
  for (;;) {
    const [id, size] = [file.toString('latin1', at, at + 4), file.readUInt32LE(at + 4)];
    at += 8;
    if (id === 'fmt ') [format, count, bits] = [file.readUInt16LE(at), file.readUInt16LE(at + 2), file.readUInt16LE(at + 14)];
    if (id === 'data') {
      const length = size / (count * bits / 8);
      const read = bits === 32 ? (p) => file.readFloatLE(p) : (p) => file.readInt16LE(p) / 32768;
      const channel = (c) => Float32Array.from({ length }, (_, n) => read(at + (n * count + c) * bits / 8));
      return { format, bits, channels: Array.from({ length: count }, (_, c) => channel(c)) };
    }
    at += size + size % 2;
  }
}

export class Material {
  folder = mkdtempSync(join(tmpdir(), 'aeden-web-'));
  #reference;
  #models;

  /** @param reference the program `examples/reference` @param models the folder of the networks @param noisy mono, 48 kHz */
  constructor(reference, models, noisy) {
    this.#reference = reference;
    this.#models = models;
    const [mono] = samples(readFileSync(noisy)).channels;
    this.mono = mono;
    // Another level and another place on the right.
    this.right = mono.map((_, n) => 0.6 * (mono[n - 31] ?? 0));
  }

  /** Writes a file, and gives its path. */
  write(name, bytes) {
    const path = join(this.folder, name);
    writeFileSync(path, bytes);
    return path;
  }

  /** The path of a network. */
  model(quality) {
    return join(this.#models, quality, `${quality}.safetensors`);
  }

  /** Writes samples for the page to fetch, one channel after the other. */
  raw(name, channels) {
    return this.write(name, bytes(channels));
  }

  /** What the library makes of samples on this machine. */
  cleaned(rate, channels, quality, context, { exact = true, strength = 60, mix = 1, bands = [] } = {}) {
    const words = [rate, channels.length, context, exact ? 'f32' : 'whole', strength, mix, bands.map((node) => node.join(':'))].map(String);
    const out = execFileSync(this.#reference, [this.model(quality), ...words], {
      input: bytes(channels), maxBuffer: 1 << 30,
    });
    const all = new Float32Array(out.buffer.slice(out.byteOffset, out.byteOffset + out.byteLength));
    const length = all.length / channels.length;
    return channels.map((_, c) => all.subarray(c * length, (c + 1) * length));
  }

  remove() {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Samples as bytes, one channel after the other. */
function bytes(channels) {
  return Buffer.concat(channels.map((c) => Buffer.from(c.buffer, c.byteOffset, c.byteLength)));
}
