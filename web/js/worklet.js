// The audio thread's part of AedenNode. Networks come as images of instances that a worker has built: here they are only copied,
// and while something plays a small part a block. `process` allocates nothing, neither here nor in aeden: meters are asked for by
// message, and answered between two calls of it.
import { Instance } from './instance.js';

/** Bytes that are copied in a block: some microseconds. */
const PART = 1 << 16;

/** Seconds that a new network hears beyond its latency before it is heard: by then it knows the noise a little. */
const WARM = 0.5;

/** Seconds of the crossfade to it. */
const FADE = 0.02;

/** A denoiser, and the views of a block in its memory. */
class Denoiser {
  constructor(module, image, step) {
    this.instance = new Instance(module);
    this.wasm = this.instance.wasm;
    this.parts = this.instance.parts(image, step);
    this.copied = 0;
    this.views = [];
    this.frames = 0;
    /** Samples that it has heard. */
    this.heard = 0;
  }

  /** Copies a part of its image; whether all is there. */
  copy(channels) {
    if (this.copied < this.parts.length) {
      const part = this.parts[this.copied];
      part[0].set(part[1]);
      this.copied += 1;
      if (this.copied < this.parts.length) return false;
      this.instance.restored(channels);
    }
    return true;
  }

  get ready() { return this.copied === this.parts.length; }

  control({ strength, bands, mix, removed, bypass }) {
    const { wasm } = this;
    if (strength !== undefined) wasm.aeden_strength(strength);
    if (bands !== undefined) this.instance.bands(bands);
    if (mix !== undefined) wasm.aeden_mix(mix);
    if (removed !== undefined) wasm.aeden_removed(+removed);
    if (bypass !== undefined) wasm.aeden_bypass(+bypass);
  }

  /** Cleans a block into its views. */
  process(input, frames) {
    if (frames !== this.frames) this.see(frames);
    for (let channel = 0; channel < this.views.length; channel++) {
      // Without a source there are no channels: silence.
      if (channel < input.length) this.views[channel].set(input[channel]);
      else this.views[channel].fill(0);
    }
    this.wasm.aeden_process(frames);
  }

  /** Makes the views of a block. Blocks are all of one length, so that this happens once. */
  see(frames) {
    this.frames = frames;
    this.views = this.instance.channels.map((samples) => samples.subarray(0, frames));
  }
}

class Aeden extends AudioWorkletProcessor {
  constructor({ processorOptions: { module, image, channels, controls } }) {
    super();
    this.module = module;
    this.count = channels;
    this.controls = controls;
    /** The one that takes over, once it is here and knows the noise. */
    this.next = null;
    /** An image that came while another one was taking over: it has its turn after that. */
    this.later = null;
    /** The one before, kept so that nothing has to be freed while something plays. */
    this.former = null;
    this.port.onmessage = ({ data }) => this.receive(data);
    this.now = new Denoiser(module, image, image.byteLength);
    this.now.copy(channels);
    this.begin(this.now);
    this.port.postMessage({ latency: this.now.wasm.aeden_latency() });
  }

  /** Sets the controls of a new denoiser, without the fades from their defaults. */
  begin(denoiser) {
    denoiser.control(this.controls);
    denoiser.wasm.aeden_reset();
  }

  receive(message) {
    const { wasm } = this.now;
    if (message.image) {
      if (this.next) this.later = message.image;
      else this.next = new Denoiser(this.module, message.image, PART);
      this.port.postMessage({ latency: message.latency });
    } else if (message.meters) {
      const [inputPeak, outputPeak, input, output] = this.meters(wasm);
      this.port.postMessage({ inputPeak, outputPeak, inputRms: Math.sqrt(input), outputRms: Math.sqrt(output) });
    } else if (message.reset) {
      wasm.aeden_reset();
      if (this.next?.ready) {
        this.next.wasm.aeden_reset();
        this.next.heard = 0;
      }
    } else {
      Object.assign(this.controls, message);
      this.now.control(message);
      if (this.next?.ready) this.next.control(message);
    }
  }

  meters(wasm) {
    return [0, 1, 2, 3].map((which) => wasm.aeden_meter(which));
  }

  // Indices and no destructuring, which makes iterators.
  process(inputs, outputs) {
    const input = inputs[0];
    const output = outputs[0];
    const frames = output[0].length;
    this.now.process(input, frames);
    for (let channel = 0; channel < this.count; channel++) output[channel].set(this.now.views[channel]);
    if (this.next !== null) this.takeOver(input, output, frames);
    return true;
  }

  /** Lets the next denoiser come, hear, and be heard. */
  takeOver(input, output, frames) {
    const { next } = this;
    if (!next.ready) {
      if (next.copy(this.count)) this.begin(next);
      return;
    }
    next.process(input, frames);
    const start = next.wasm.aeden_latency() + WARM * sampleRate;
    const length = FADE * sampleRate;
    for (let channel = 0; channel < this.count; channel++) {
      const [heard, made] = [output[channel], next.views[channel]];
      for (let n = 0; n < frames; n++) {
        const share = Math.min(Math.max((next.heard + n - start) / length, 0), 1);
        heard[n] += share * (made[n] - heard[n]);
      }
    }
    next.heard += frames;
    if (next.heard < start + length) return;
    this.meters(next.wasm); // of what nobody has heard
    this.former = this.now;
    this.now = next;
    this.next = this.later && new Denoiser(this.module, this.later, PART);
    this.later = null;
  }
}

registerProcessor('aeden', Aeden);
