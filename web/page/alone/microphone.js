// A microphone through the denoiser: levels, spectrum and delay. Nothing is kept.
import { AedenNode } from './aeden/aeden.js';
import { parse } from './bands.js';

const byId = (id) => document.getElementById(id);

class Microphone {
  static async open(quality) {
    const constraints = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    const stream = await navigator.mediaDevices.getUserMedia({ audio: constraints });
    const context = new AudioContext({ latencyHint: 'interactive' });
    const microphone = new Microphone();
    Object.assign(microphone, { stream, context });
    try {
      const source = new MediaStreamAudioSourceNode(context, { mediaStream: stream });
      microphone.node = await AedenNode.create(context, { quality });
      microphone.speaker = new GainNode(context, { gain: 0 });
      microphone.before = new AnalyserNode(context, { fftSize: 2048 });
      microphone.after = new AnalyserNode(context, { fftSize: 2048 });
      source.connect(microphone.before);
      source.connect(microphone.node).connect(microphone.after).connect(microphone.speaker).connect(context.destination);
      await context.resume();
    } catch (error) {
      await microphone.close();
      throw error;
    }
    return microphone;
  }

  /** Milliseconds from microphone to output, as far as they are known. */
  get delay() {
    const { node, context } = this;
    return 1000 * (node.latency / context.sampleRate + (context.baseLatency || 0) + (context.outputLatency || 0));
  }

  async close() {
    for (const track of this.stream.getTracks()) track.stop();
    await this.context.close();
  }
}

/** Lets the elements of the page work the microphone. */
export function microphone() {
  let [open, busy] = [null, false];
  const say = (text) => { byId('mic-status').textContent = text; };
  /** Limits along frequency; what is no such thing is said, and those before stay. */
  const bands = () => {
    const field = byId('mic-bands');
    try {
      const nodes = parse(field.value);
      open.node.bands = nodes;
      field.removeAttribute('aria-invalid');
    } catch (error) {
      field.setAttribute('aria-invalid', 'true');
      say(error.message);
    }
  };
  const controls = () => {
    if (!open) return;
    open.node.strength = Number(byId('mic-strength').value);
    bands();
    open.node.bypass = byId('mic-bypass').checked;
    open.node.removed = byId('mic-removed').checked;
    open.speaker.gain.value = byId('mic-hear').checked ? 1 : 0;
  };
  const tell = () => say(`On, ${open.node.quality}: ${Math.round((open.node.latency / open.context.sampleRate) * 1000)} ms of latency, `
    + `${Math.round(open.delay)} ms with this machine's output.`);
  const stop = async () => {
    const closing = open;
    open = null;
    await closing?.close();
    byId('mic').textContent = 'Start';
    byId('mic').setAttribute('aria-pressed', 'false');
    byId('mic-panel').hidden = true;
  };
  byId('mic').onclick = async () => {
    if (busy) return;
    busy = true;
    if (open) {
      await stop();
      say('Off.');
    } else {
      say('Starts…');
      try {
        open = await Microphone.open(byId('mic-quality').value);
        byId('mic').textContent = 'Stop';
        byId('mic').setAttribute('aria-pressed', 'true');
        byId('mic-panel').hidden = false;
        controls();
        tell();
        watch(() => open);
      } catch (error) {
        say(`The microphone could not be used: ${error.message}`);
      }
    }
    busy = false;
  };
  byId('mic-bands').onchange = controls;
  for (const id of ['mic-strength', 'mic-bypass', 'mic-removed', 'mic-hear']) byId(id).oninput = controls;
  byId('mic-quality').onchange = async () => {
    if (!open) return;
    await open.node.setQuality(byId('mic-quality').value).catch((error) => say(error.message));
    if (open) tell();
  };
}

/** Shows levels and spectra while there is a microphone. */
async function watch(current) {
  const canvas = byId('mic-spectrum');
  const paint = canvas.getContext('2d');
  const spectrum = new Float32Array(1024);
  // The field of the spectrum is dark under any light.
  canvas.dataset.theme = 'dark';
  const dark = getComputedStyle(canvas);
  for (let open = current(); open; open = current()) {
    const levels = await open.node.meters();
    const db = (rms) => Math.max(-80, 20 * Math.log10(rms + 1e-9));
    for (const [id, rms] of [['mic-before', levels.inputRms], ['mic-after', levels.outputRms]]) {
      byId(id).value = db(rms);
      byId(id).setAttribute('aria-valuetext', `${Math.round(db(rms))} dB`);
    }
    paint.clearRect(0, 0, canvas.width, canvas.height);
    for (const [analyser, colour] of [[open.before, '--before'], [open.after, '--after']]) {
      analyser.getFloatFrequencyData(spectrum);
      paint.strokeStyle = dark.getPropertyValue(colour);
      paint.beginPath();
      spectrum.forEach((level, bin) => {
        paint.lineTo((bin / 1023) ** 0.5 * canvas.width, canvas.height * Math.min(1, Math.max(0, -level / 120)));
      });
      paint.stroke();
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
