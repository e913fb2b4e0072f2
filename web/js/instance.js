// One instance of aeden's WebAssembly, on whatever thread this is imported: window, worker, audio worklet, Node.
// Nothing here needs more than ECMAScript: an audio worklet has neither fetch nor TextDecoder.

/** Bytes of a page of WebAssembly's memory. */
const PAGE = 1 << 16;

/** Decodes UTF-8 that aeden wrote. */
function text(bytes) {
  let escaped = '';
  for (const byte of bytes) escaped += `%${byte.toString(16).padStart(2, '0')}`;
  return decodeURIComponent(escaped);
}

/** A model, and the stream or the recording that it cleans. */
export class Instance {
  /** @param {WebAssembly.Module} module the compiled aeden.wasm */
  constructor(module) {
    this.wasm = new WebAssembly.Instance(module, {}).exports;
    this.block = this.wasm.aeden_block();
    this.channels = [];
  }

  /**
   * Takes the model in a file's bytes (safetensors), or the built-in `light` where there are none.
   * `exact`: in 32-bit floating point throughout, slower, for comparisons.
   */
  model(bytes, exact = false) {
    this.#begin(this.channels.length, () => {
      if (!bytes) return this.wasm.aeden_light();
      const from = new Uint8Array(bytes);
      const at = this.wasm.aeden_bytes(from.length);
      new Uint8Array(this.wasm.memory.buffer, at, from.length).set(from);
      return this.wasm.aeden_model(+exact);
    });
  }

  /** Begins a stream. */
  stream(rate, channels) {
    this.#begin(channels, () => this.wasm.aeden_stream(rate, channels));
  }

  /** Begins a recording; `streaming` where it should know no more than a stream does. */
  recording(rate, channels, { streaming = false, strength = 60, bands = [], mix = 1, removed = false } = {}) {
    this.bands(bands);
    this.#begin(channels, () => this.wasm.aeden_recording(rate, channels, +streaming, strength, mix, +removed));
  }

  /**
   * Limits what is taken away along frequency: [hertz, decibels] a node. Of the stream at once; a recording begins with its own.
   * @param {[number, number][]} nodes
   */
  bands(nodes) {
    nodes.forEach(([hertz, decibels], node) => this.wasm.aeden_band(node, hertz, decibels));
    if (!this.wasm.aeden_bands(nodes.length)) this.#begin(this.channels.length, () => 0);
  }

  /**
   * Cleans the next samples of a recording.
   * @param {Float32Array[]} input one array a channel, of one length
   * @param {(ready: Float32Array[]) => void} take gets what is ready; views that the next call overwrites
   */
  push(input, take) {
    const { length } = input[0];
    for (let from = 0; from < length; from += this.block) {
      const frames = Math.min(this.block, length - from);
      // A call may have made the memory grow, which takes the views away.
      if (!this.channels[0].length) this.#see(this.channels.length);
      this.channels.forEach((samples, channel) => samples.set(input[channel].subarray(from, from + frames)));
      this.#ready(this.wasm.aeden_push(frames), take);
    }
  }

  /** Ends a recording, and gives the rest of it. */
  finish(take) {
    this.#ready(this.wasm.aeden_finish(), take);
  }

  /**
   * All that this instance is, as a copy. Another instance of the same module that gets it goes on from here: a network that is
   * built on one thread can run on another.
   */
  image() {
    return this.wasm.memory.buffer.slice(0);
  }

  /**
   * Makes room for an image. Gives its parts, of at most so many bytes, each beside its place: who has copied them all in any
   * order calls `restored`. Until then nothing else may be called.
   * @returns {[Uint8Array, Uint8Array][]} to, from
   */
  parts(image, size = image.byteLength) {
    const { memory } = this.wasm;
    memory.grow(Math.max(0, image.byteLength - memory.buffer.byteLength) / PAGE);
    return Array.from({ length: Math.ceil(image.byteLength / size) }, (_, n) => {
      const [at, length] = [n * size, Math.min(size, image.byteLength - n * size)];
      return [new Uint8Array(memory.buffer, at, length), new Uint8Array(image, at, length)];
    });
  }

  /** The image of an instance with so many channels is here. */
  restored(channels) {
    this.#see(channels);
  }

  #ready(frames, take) {
    if (!frames) return;
    const { buffer } = this.wasm.memory;
    take(this.channels.map((_, channel) => new Float32Array(buffer, this.wasm.aeden_ready(channel), frames)));
  }

  /** `channels[c]`: the samples of a channel, in aeden's memory. */
  #see(channels) {
    const view = (_, channel) =>
      new Float32Array(this.wasm.memory.buffer, this.wasm.aeden_samples(channel), this.block);
    this.channels = Array.from({ length: channels }, view);
  }

  /** Does what may fail. Either way memory may have grown, which takes all views away. */
  #begin(channels, work) {
    const done = work();
    this.#see(done ? channels : this.channels.length);
    if (done) return;
    const { aeden_error: at, aeden_error_len: length, memory } = this.wasm;
    throw new Error(text(new Uint8Array(memory.buffer, at(), length())));
  }
}
