// Cleans one recording after the other, each in blocks, away from the page's thread.
import { Instance } from './instance.js';

let instance = null;

const work = {
  begin({ module, weights, exact, rate, channels, options }) {
    instance = new Instance(module);
    instance.model(weights, exact);
    instance.recording(rate, channels, options);
    return [];
  },
  push({ input }) {
    return gather((take) => instance.push(input, take));
  },
  finish() {
    const rest = gather((take) => instance.finish(take));
    instance = null;
    return rest;
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
    const parts = work[data.what](data);
    postMessage({ parts }, { transfer: parts.flat().map((samples) => samples.buffer) });
  } catch (error) {
    postMessage({ error: error.message });
  }
};
