// The audio thread's part of AedenNode. `process` allocates nothing, neither here nor in aeden: meters are asked for by
// message, and answered between two calls of it.
import { Instance } from './instance.js';

class Aeden extends AudioWorkletProcessor {
  constructor({ processorOptions: { module, weights, exact, channels, controls } }) {
    super();
    this.count = channels;
    this.frames = 128;
    this.port.onmessage = ({ data }) => this.receive(data);
    try {
      this.instance = new Instance(module);
      this.begin(weights, exact);
      this.control(controls);
      this.instance.wasm.aeden_reset(); // no fade from the defaults
      this.port.postMessage({ latency: this.instance.wasm.aeden_latency() });
    } catch (error) {
      this.instance = null;
      this.port.postMessage({ error: error.message });
    }
  }

  /** Builds a denoiser; one that runs already goes on until the new one has heard enough. */
  begin(weights, exact = false) {
    try {
      this.instance.model(weights, exact);
      this.instance.stream(sampleRate, this.count);
    } finally {
      // The views that `process` uses, of a memory that does not grow from here on; also where the former denoiser stays.
      this.see(this.frames);
    }
  }

  control({ strength, mix, removed, bypass }) {
    const { wasm } = this.instance;
    if (strength !== undefined) wasm.aeden_strength(strength);
    if (mix !== undefined) wasm.aeden_mix(mix);
    if (removed !== undefined) wasm.aeden_removed(+removed);
    if (bypass !== undefined) wasm.aeden_bypass(+bypass);
  }

  receive(message) {
    if (!this.instance) return this.port.postMessage({ error: 'the denoiser could not be built' });
    const { wasm } = this.instance;
    if ('weights' in message) {
      try {
        this.begin(message.weights);
        this.port.postMessage({ latency: wasm.aeden_latency() });
      } catch (error) {
        this.port.postMessage({ error: error.message });
      }
    } else if (message.meters) {
      const [inputPeak, outputPeak, input, output] = [0, 1, 2, 3].map((which) => wasm.aeden_meter(which));
      const levels = { inputPeak, outputPeak, inputRms: Math.sqrt(input), outputRms: Math.sqrt(output) };
      this.port.postMessage(levels);
    } else if (message.reset) {
      wasm.aeden_reset();
    } else {
      this.control(message);
    }
  }

  // Indices and no destructuring, which makes iterators.
  process(inputs, outputs) {
    if (!this.instance) return false;
    const input = inputs[0];
    const output = outputs[0];
    const frames = output[0].length;
    if (frames !== this.frames) this.see(frames);
    for (let channel = 0; channel < this.count; channel++) {
      // Without a source there are no channels: silence.
      if (channel < input.length) this.views[channel].set(input[channel]);
      else this.views[channel].fill(0);
    }
    this.instance.wasm.aeden_process(frames);
    for (let channel = 0; channel < this.count; channel++) output[channel].set(this.views[channel]);
    return true;
  }

  /** Makes the views of a block. Blocks are all of one length, so that this happens once. */
  see(frames) {
    this.frames = frames;
    this.views = this.instance.channels.map((samples) => samples.subarray(0, frames));
  }
}

registerProcessor('aeden', Aeden);
