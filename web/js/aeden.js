// aeden in the browser: recordings in a worker, streams in an audio worklet.
//
// Nothing is sent anywhere. What is fetched lies beside this file: aeden.wasm, which holds the network `light`, and
// high.safetensors and best.safetensors when they are asked for.

export const QUALITIES = ['light', 'high', 'best'];

/** Samples of a channel in a block on its way to the worker, and blocks on their way at once. */
const BLOCK = 1 << 16;
const AHEAD = 2;

const fetched = new Map();

/** What `read` makes of a file beside this one; once, unless it fails. */
function once(name, read) {
  if (!fetched.has(name)) {
    const promise = fetch(new URL(name, import.meta.url)).then((response) => {
      if (!response.ok) throw new Error(`${name}: the server says ${response.status} ${response.statusText}`);
      return read(response);
    });
    promise.catch(() => fetched.delete(name));
    fetched.set(name, promise);
  }
  return fetched.get(name);
}

/** The compiled module. */
function compiled() {
  return once('aeden.wasm', async (response) => WebAssembly.compile(await response.arrayBuffer()));
}

/** A network's file; none for `light`, which is in the module. */
async function weights(quality) {
  if (!QUALITIES.includes(quality)) throw new RangeError(`quality: ${QUALITIES.join(', ')}, not ${quality}`);
  return quality === 'light' ? null : once(`${quality}.safetensors`, (response) => response.arrayBuffer());
}

/** Fetches and compiles what a quality needs, so that nothing has to wait for it later. */
export async function load(quality = 'light') {
  await Promise.all([compiled(), weights(quality)]);
}

function aborted(signal) {
  return signal.reason ?? new DOMException('The operation was aborted.', 'AbortError');
}

/**
 * Cleans a recording in a worker of its own. Sample n of the result belongs to sample n of the input, which stays as it is.
 */
export async function clean(input, options = {}, onProgress = () => {}) {
  const { quality = 'best', model, exact, strength = 60, bands = [], mix = 1, removed = false, streaming = false, signal } = options;
  const rate = input.sampleRate ?? input.rate;
  const channels = input.channels
    ?? Array.from({ length: input.numberOfChannels }, (_, channel) => input.getChannelData(channel));
  const length = channels[0]?.length ?? 0;
  if (channels.some((samples) => samples.length !== length)) throw new RangeError('channels: all of one length');
  const settings = {
    streaming, strength: checked('strength', strength), bands: checked('bands', bands), mix: checked('mix', mix), removed,
  };
  const [module, bytes] = await Promise.all([compiled(), model ?? weights(quality)]);
  if (signal?.aborted) throw aborted(signal);

  const output = channels.map(() => new Float32Array(length));
  const worker = new Worker(new URL('worker.js', import.meta.url), { type: 'module' });
  try {
    await new Promise((resolve, reject) => {
      let [sent, got, waiting, ended] = [0, 0, 0, false];
      const post = (message, transfer = []) => {
        waiting += 1;
        worker.postMessage(message, transfer);
      };
      const feed = () => {
        while (waiting < AHEAD && sent < length) {
          const block = channels.map((samples) => samples.slice(sent, sent + BLOCK));
          sent += block[0].length;
          post({ what: 'push', input: block }, block.map((samples) => samples.buffer));
        }
        if (sent >= length && !ended) {
          ended = true;
          post({ what: 'finish' });
        }
      };
      signal?.addEventListener('abort', () => reject(aborted(signal)), { once: true });
      worker.onerror = (event) => reject(new Error(event.message || 'the worker could not be started'));
      worker.onmessage = ({ data: { parts, error } }) => {
        if (error) return reject(new Error(error));
        waiting -= 1;
        for (const part of parts) {
          part.forEach((samples, channel) => output[channel].set(samples, got));
          got += part[0].length;
        }
        // What looks ahead gives nothing for long: progress is of both ways.
        onProgress(length ? (sent + got) / (2 * length) : 1);
        if (ended && !waiting) return resolve();
        feed();
      };
      post({ what: 'begin', module, weights: bytes, exact, rate, channels: channels.length, options: settings });
    });
  } finally {
    worker.terminate();
  }
  return { rate, channels: output };
}

/** Builds a denoiser of a stream in a worker, and gives it as an image, with its latency: nothing else waits for that, least of all sound. */
async function built(module, weights, exact, rate, channels) {
  const worker = new Worker(new URL('worker.js', import.meta.url), { type: 'module' });
  try {
    return await new Promise((resolve, reject) => {
      worker.onerror = (event) => reject(new Error(event.message || 'the worker could not be started'));
      worker.onmessage = ({ data: { image, latency, error } }) => (error ? reject(new Error(error)) : resolve({ image, latency }));
      worker.postMessage({ what: 'build', module, weights, exact, rate, channels });
    });
  } finally {
    worker.terminate();
  }
}

function number(name, value, least, most) {
  if (!(value >= least && value <= most)) throw new RangeError(`${name}: ${least} to ${most}, not ${value}`);
  return value;
}

/** The most nodes of limits along frequency, and the bounds of their hertz and decibels: those of the library. */
const NODES = [6, 96_000, 100];

/** Checked nodes of limits along frequency, as a copy that nobody changes. */
function nodes(list) {
  const [most, highest, largest] = NODES;
  const copy = Array.from(list, ([hertz, decibels]) => Object.freeze([
    number('bands: hertz', hertz, 0, highest), number('bands: decibels', decibels, 0, largest),
  ]));
  if (copy.length > most) throw new RangeError(`bands: at most ${most}, not ${copy.length}`);
  if (copy.some(([hertz], n) => n > 0 && hertz <= copy[n - 1][0])) throw new RangeError('bands: hertz that rise from node to node');
  return Object.freeze(copy);
}

// Node has no audio worklets, and may still import this file.
const Base = globalThis.AudioWorkletNode ?? class {};

/** A denoiser in an audio graph: one input, one output, one or two channels, at the context's rate. */
export class AedenNode extends Base {
  #controls;
  #quality;
  #latency = 0;
  #asked = [];
  #changed = null;

  /** Fetches what it needs, and makes a node. */
  static async create(context, options = {}) {
    const { quality = 'high', model, exact = false, channels = 1, ...controls } = options;
    if (channels !== 1 && channels !== 2) throw new RangeError(`channels: 1 or 2, not ${channels}`);
    const [module, bytes] = await Promise.all([
      compiled(),
      model ?? weights(quality),
      context.audioWorklet.addModule(new URL('worklet.js', import.meta.url)),
    ]);
    const { image } = await built(module, bytes, exact, context.sampleRate, channels);
    const node = new AedenNode(context, { quality, channels, controls, module, image });
    await node.#reply();
    return node;
  }

  constructor(context, { quality, channels, controls, module, image }) {
    const defaults = { strength: 60, bands: [], mix: 1, removed: false, bypass: false };
    const known = Object.entries({ ...defaults, ...controls }).map(([name, value]) => [name, checked(name, value)]);
    const all = Object.fromEntries(known);
    super(context, 'aeden', {
      numberOfInputs: 1,
      numberOfOutputs: 1,
      outputChannelCount: [channels],
      channelCount: channels,
      channelCountMode: 'explicit',
      channelInterpretation: 'speakers',
      processorOptions: { module, image, channels, controls: all },
    });
    this.#controls = all;
    this.#quality = quality;
    this.port.onmessage = ({ data }) => {
      if ('latency' in data) this.#latency = data.latency;
      this.#asked.shift().resolve(data);
    };
    this.onprocessorerror = () => {
      for (const { reject } of this.#asked.splice(0)) reject(new Error('the audio thread has no room for the denoiser'));
    };
  }

  /** The next answer of the processor, which answers every question once and in order. */
  #reply(question, transfer = []) {
    if (question) this.port.postMessage(question, transfer);
    return new Promise((resolve, reject) => this.#asked.push({ resolve, reject }));
  }

  #set(name, value) {
    this.#controls[name] = checked(name, value);
    this.port.postMessage({ [name]: this.#controls[name] });
  }

  /** The most that the level is lowered, in dB; 60 for no limit. */
  get strength() { return this.#controls.strength; }
  set strength(db) { this.#set('strength', db); }

  /** The most that the level is lowered along frequency: nodes of [hertz, decibels]; none for no such limit. */
  get bands() { return this.#controls.bands; }
  set bands(nodes) { this.#set('bands', nodes); }

  /** The share of the cleaned sound, 0 to 1. */
  get mix() { return this.#controls.mix; }
  set mix(share) { this.#set('mix', share); }

  /** What is removed is heard. */
  get removed() { return this.#controls.removed; }
  set removed(on) { this.#set('removed', on); }

  /** The input passes, as late as the cleaned sound. */
  get bypass() { return this.#controls.bypass; }
  set bypass(on) { this.#set('bypass', on); }

  /** light or high; `setQuality` changes it. */
  get quality() { return this.#quality; }

  /** Samples from input to output. */
  get latency() { return this.#latency; }

  /**
   * Lets another network take over with a crossfade, half a second after it has been fetched and built. Nothing that plays
   * waits for that: it is built in a worker. Calls that come meanwhile are done one after the other.
   */
  setQuality(quality) {
    const change = async () => {
      const [module, bytes] = await Promise.all([compiled(), weights(quality)]);
      const { image, latency } = await built(module, bytes, false, this.context.sampleRate, this.channelCount);
      await this.#reply({ image, latency }, [image]);
      this.#quality = quality;
    };
    this.#changed = (this.#changed ?? Promise.resolve()).catch(() => {}).then(change);
    return this.#changed;
  }

  /** Levels since the last call, of all channels, full scale 1: peaks and root mean squares before and after. */
  meters() {
    return this.#reply({ meters: true });
  }

  /** Forgets all that was heard. */
  reset() {
    this.port.postMessage({ reset: true });
  }
}

function checked(name, value) {
  if (name === 'strength') return number(name, value, 0, 60);
  if (name === 'bands') return nodes(value);
  if (name === 'mix') return number(name, value, 0, 1);
  if (name === 'removed' || name === 'bypass') return Boolean(value);
  throw new RangeError(`${name}: no such option`);
}
