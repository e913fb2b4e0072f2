// A recording on its way: waiting, reading, cleaning, done, failed, cancelled.
import { clean } from './aeden/aeden.js';
import { channelsOf, decode } from './decode.js';
import { measure } from './loudness.js';
import { shares } from './player.js';
import { head, write } from './wav.js';

export class Recording {
  state = 'waiting';
  progress = 0;
  problem = '';
  notes = [];
  #abort = new AbortController();

  /** @param {File} file @param {string} quality */
  constructor(file, quality) {
    Object.assign(this, { file, quality, name: file.name });
  }

  /** Whether it is still to be done. */
  get open() { return ['waiting', 'reading', 'cleaning'].includes(this.state); }

  cancel() {
    if (!this.open) return;
    this.state = 'cancelled';
    this.#abort.abort();
  }

  /** Reads and cleans it; `changed` is called whenever something else is to be shown. */
  async work(changed) {
    const to = (state) => {
      this.#abort.signal.throwIfAborted();
      this.state = state;
      changed();
    };
    try {
      to('reading');
      const { sound, info, around, notes } = await decode(await this.file.arrayBuffer());
      this.notes = notes;
      to('cleaning');
      const { quality } = this;
      const result = await clean(sound, { quality, signal: this.#abort.signal }, (done) => {
        this.progress = done;
        changed();
      });
      const loudness = await measure(sound.sampleRate, channelsOf(sound), result.channels);
      this.#abort.signal.throwIfAborted();
      Object.assign(this, { info, around, loudness, before: sound, cleaned: buffer(result) });
      to('done');
    } catch (error) {
      if (this.state !== 'cancelled') [this.state, this.problem] = ['failed', error.message];
      changed();
    }
  }

  /** The name that the result is saved under. */
  get saved() { return `${this.name.replace(/\.[^./\\]*$/, '')}.clean.wav`; }

  /**
   * The result as a file. A WAV file comes back as it was, but for its samples: rate, depth and all other chunks stay.
   * @returns {{ blob: Blob, limited: number }} `limited`: samples that were too loud for the depth
   */
  save(strength) {
    const [u, v] = shares('after', strength);
    const [before, cleaned] = [channelsOf(this.before), channelsOf(this.cleaned)];
    const { bytes, limited } = write(this.info, (c, n) => u * before[c][n] + v * cleaned[c][n]);
    const [first, last] = this.around ?? [head(this.info), new Uint8Array(bytes.byteLength % 2)];
    const parts = [first, bytes, last];
    return { blob: new Blob(parts, { type: 'audio/wav' }), limited };
  }
}

function buffer({ rate, channels }) {
  const sound = new AudioBuffer({ numberOfChannels: channels.length, length: channels[0].length, sampleRate: rate });
  channels.forEach((samples, c) => sound.copyToChannel(samples, c));
  return sound;
}
