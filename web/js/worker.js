// Cleans one recording after the other, each in blocks, away from the page's thread; and builds networks for the audio thread.
import { Instance } from './instance.js';

let instance = null;

const work = {
  begin({ module, weights, exact, rate, channels, options }) {
    instance = new Instance(module);
    instance.model(weights, exact);
    instance.recording(rate, channels, options);
    return { parts: [] };
  },
  push({ input }) {
    return { parts: gather((take) => instance.push(input, take)) };
  },
  finish() {
    const parts = gather((take) => instance.finish(take));
    instance = null;
    return { parts };
  },
  /** A denoiser of a stream that has heard nothing yet, as an image. */
  build({ module, weights, exact, rate, channels }) {
    const built = new Instance(module);
    built.model(weights, exact);
    built.stream(rate, channels);
    return { parts: [], image: built.image(), latency: built.wasm.aeden_latency() };
  },
};

/** All parts that become ready, copied out of aeden's memory. */
function gather(produce) {
  const parts = [];
  produce((ready) => parts.push(ready.map((samples) => samples.slice())));
  return parts;
}

onmessage = ({ data }) => {
  try {
    const { parts, image, latency } = work[data.what](data);
    const samples = parts.flat().map(({ buffer }) => buffer);
    postMessage({ parts, image, latency }, { transfer: image ? [image] : samples });
  } catch (error) {
    postMessage({ error: error.message });
  }
};
