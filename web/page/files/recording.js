// A recording on its way: waiting, sending, reading, cleaning, done, failed, cancelled. The engine beside this file does the work.
import { measure } from './loudness.js';

/** The samples of a sound, by channel. */
export function channelsOf(sound) {
  return Array.from({ length: sound.numberOfChannels }, (_, c) => sound.getChannelData(c));
}

const OPEN = ['waiting', 'sending', 'reading', 'cleaning', 'fetching'];

export class Recording {
  state = 'waiting';
  progress = null;
  problem = '';
  notes = [];
  /** Set while it is being saved: what is done for that. */
  saving = '';
  #work;
  #abort = new AbortController();

  /** @param work of the engine */
  constructor(work) {
    this.#work = work;
    Object.assign(this, { name: work.name, quality: work.quality, bands: work.bands, label: work.label });
  }

  /** Whether it is still to be done. */
  get open() { return OPEN.includes(this.state); }

  cancel() {
    if (!this.open) return;
    this.state = 'cancelled';
    this.#abort.abort();
  }

  /** Reads and cleans it; `changed` is called whenever something else is to be shown. */
  async run(changed) {
    const { signal } = this.#abort;
    const to = (state, progress = null) => {
      signal.throwIfAborted();
      Object.assign(this, { state, progress });
      changed();
    };
    try {
      const { before, cleaned, notes } = await this.#work.clean(to, signal);
      this.notes = notes;
      const loudness = await measure(before.sampleRate, channelsOf(before), channelsOf(cleaned));
      signal.throwIfAborted();
      Object.assign(this, { before, cleaned, loudness });
      to('done');
    } catch (error) {
      if (this.state !== 'cancelled') [this.state, this.problem] = ['failed', error.message];
      changed();
    }
  }

  /**
   * The result at a strength in dB, to be saved.
   * @returns {Promise<{ name: string, href: string, note: string }>}
   */
  async save(strength, changed) {
    try {
      return await this.#work.save(strength, (what) => {
        this.saving = what;
        changed();
      });
    } finally {
      this.saving = '';
      changed();
    }
  }

  /** It is not wanted any more. */
  forget() {
    this.cancel();
    this.#work.forget();
  }
}
