// The shortest way from a microphone to a cleaned track.
import { AedenNode } from '../aeden.js';

const [start, strength, said] = ['start', 'strength', 'said'].map((id) => document.getElementById(id));
let node = null;

start.onclick = async () => {
  start.disabled = true;
  try {
    // The browser's own suppression would take away what aeden listens to.
    const audio = { noiseSuppression: false, echoCancellation: false, autoGainControl: false };
    const stream = await navigator.mediaDevices.getUserMedia({ audio });
    const context = new AudioContext();
    node = await AedenNode.create(context, { quality: 'high', strength: Number(strength.value) });
    const cleaned = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
    new MediaStreamAudioSourceNode(context, { mediaStream: stream }).connect(node).connect(cleaned);
    // cleaned.stream is for a call or a recorder; here it is heard.
    node.connect(context.destination);
    said.textContent = `On, ${Math.round((1000 * node.latency) / context.sampleRate)} ms of latency.`;
  } catch (error) {
    said.textContent = error.message;
    start.disabled = false;
  }
};
strength.oninput = () => {
  if (node) node.strength = Number(strength.value);
};
