// The engine of a page that lies on a server of plain files: recordings are cleaned in the browser.
import { clean } from './aeden/aeden.js';
import { decode } from './decode.js';
import { shares } from './player.js';
import { channelsOf } from './recording.js';
import { head, write } from './wav.js';

export { microphone } from './microphone.js';

export const NAME = 'alone';

/** Recordings that are there already: none. */
export async function there() { return []; }

export class Work {
  label = 'Save WAV';
  #file;
  /** The format to save in, and what a WAV file has before and after its samples. */
  #info;
  #around;
  #sounds;

  /** @param {File} file @param {string} quality @param {[number, number][]} bands limits along frequency */
  constructor(file, quality, bands) {
    this.#file = file;
    Object.assign(this, { name: file.name, quality, bands });
  }

  /** Reads and cleans. `to` is told the state and the share that is done. */
  async clean(to, signal) {
    to('reading');
    const { sound, info, around, notes } = await decode(await this.#file.arrayBuffer());
    to('cleaning', 0);
    const result = await clean(sound, { quality: this.quality, bands: this.bands, signal }, (done) => to('cleaning', done));
    [this.#info, this.#around, this.#sounds] = [info, around, [sound, buffer(result)]];
    return { before: sound, cleaned: this.#sounds[1], notes };
  }

  /** The result as a file. A WAV file comes back as it was, but for its samples: rate, depth and all other chunks stay. */
  async save(strength) {
    const [u, v] = shares('after', strength);
    const [before, cleaned] = this.#sounds.map(channelsOf);
    const { bytes, limited } = write(this.#info, (c, n) => u * before[c][n] + v * cleaned[c][n]);
    const [first, last] = this.#around ?? [head(this.#info), new Uint8Array(bytes.byteLength % 2)];
    const href = URL.createObjectURL(new Blob([first, bytes, last], { type: 'audio/wav' }));
    setTimeout(() => URL.revokeObjectURL(href), 60_000);
    const name = `${this.name.replace(/\.[^./\\]*$/, '')}.clean.wav`;
    return { name, href, note: limited ? `${limited} samples were louder than full scale and were limited to it` : '' };
  }

  forget() {}
}

function buffer({ rate, channels }) {
  const sound = new AudioBuffer({ numberOfChannels: channels.length, length: channels[0].length, sampleRate: rate });
  channels.forEach((samples, c) => sound.copyToChannel(samples, c));
  return sound;
}
