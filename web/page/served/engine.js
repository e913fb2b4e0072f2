// The engine of the page that `aeden web` serves: recordings are cleaned by that program, on this machine.

import { parse, written } from './bands.js';

export const NAME = 'served';

/** Microphones are for `aeden live`. */
export const microphone = null;

/** Milliseconds between two looks at what the program does. */
const LOOK = 150;

/** Asks the program; gives its answer, or throws what it has to say. */
async function ask(path, options) {
  const response = await fetch(path, options).catch((error) => {
    if (error.name === 'AbortError') throw error;
    throw new Error('aeden web has ended; start it again');
  });
  if (response.ok) return response;
  const { error } = await response.json().catch(() => ({}));
  throw new Error(error ?? `aeden web says ${response.status}`);
}

const post = (path, options = {}) => ask(path, { method: 'POST', ...options });

/** Recordings that the program has: those that its command named, and those of a page that was loaded before. */
export async function there() {
  const list = await (await ask('recordings')).json();
  return list.filter(({ state }) => state !== 'announced' && state !== 'arriving');
}

/** Sends a file, and tells the share that has gone. `fetch` does not tell it. */
function send(path, file, signal, sent) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('PUT', path);
    request.responseType = 'json';
    request.upload.onprogress = ({ loaded, total }) => sent(total ? loaded / total : 1);
    request.onload = () => (request.status === 200 ? resolve() : reject(new Error(request.response?.error ?? `aeden web says ${request.status}`)));
    request.onerror = () => reject(new Error('the recording could not be sent to aeden web'));
    request.onabort = () => reject(signal.reason);
    signal.addEventListener('abort', () => request.abort(), { once: true });
    request.send(file);
  });
}

export class Work {
  label = 'Save';
  #file;
  #id;
  #state = null;

  /** @param {File | { id: number, name: string, quality?: string, bands?: string }} file a file, or a recording that the program has @param {string} quality
   * @param {[number, number][]} bands limits along frequency, of a file */
  constructor(file, quality, bands) {
    this.#file = file;
    this.#id = file.id;
    // What the program has begun is as it was asked for then.
    const asked = 'id' in file ? { quality: file.quality ?? quality, bands: parse(file.bands ?? '') } : { quality, bands };
    Object.assign(this, { name: file.name, ...asked });
  }

  /** What is asked of the program at a strength in dB. */
  #wish(strength) {
    return new URLSearchParams({ quality: this.quality, strength, bands: written(this.bands) });
  }

  async #look() {
    this.#state = await (await ask(`recordings/${this.#id}`)).json();
    return this.#state;
  }

  /** Waits until the work is done; `told` hears how it goes. */
  async #wait(signal, told) {
    for (;;) {
      signal?.throwIfAborted();
      const about = await this.#look();
      if (about.state === 'done') return;
      if (about.state === 'failed') throw new Error(about.problem);
      if (about.state === 'cancelled') throw new Error('it was cancelled on another page');
      told(about);
      await new Promise((resolve) => setTimeout(resolve, LOOK));
    }
  }

  /** Sends and cleans, and brings the sound here. `to` is told the state and the share that is done. */
  async clean(to, signal) {
    try {
      if (this.#id === undefined) {
        to('sending', 0);
        const query = new URLSearchParams({ name: this.name, size: this.#file.size }).toString().replaceAll('+', '%20');
        this.#id = (await (await post(`recordings?${query}`, { signal })).json()).id;
        await send(`recordings/${this.#id}`, this.#file, signal, (share) => {
          if (!signal.aborted) to('sending', share);
        }).catch((error) => {
          // The program forgets what did not come whole.
          if (signal.aborted) this.#id = undefined;
          throw error;
        });
      }
      const { state } = await this.#look();
      if (!['waiting', 'cleaning', 'done'].includes(state)) {
        await post(`recordings/${this.#id}/clean?${this.#wish(60)}&heard=1`);
      }
      await this.#wait(signal, ({ progress, turn }) => to('cleaning', turn ? null : progress));
      to('fetching', 0);
      const sounds = await this.#fetch(signal, (share) => to('fetching', share));
      const { warnings, verified } = this.#state;
      return { ...sounds, notes: verified ? [...warnings, verified] : warnings };
    } catch (error) {
      if (signal.aborted && this.#id !== undefined) await post(`recordings/${this.#id}/cancel`).catch(() => {});
      throw error;
    }
  }

  /** The sound before and after: frames in f32, all channels before and then all after. */
  async #fetch(signal, told) {
    const { rate, frames } = this.#state;
    if (!frames) throw new Error('there are no samples in it');
    const response = await ask(`recordings/${this.#id}/sound`, { signal });
    const planes = Number(response.headers.get('content-length')) / frames / 4;
    const [before, cleaned] = [0, 1].map(() => new AudioBuffer({ numberOfChannels: planes / 2, length: frames, sampleRate: rate }));
    const all = [before, cleaned].flatMap((sound) => Array.from({ length: planes / 2 }, (_, c) => sound.getChannelData(c)));
    const reader = response.body.getReader();
    let [rest, at] = [new Uint8Array(0), 0];
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const bytes = new Uint8Array(rest.length + value.length);
      bytes.set(rest);
      bytes.set(value, rest.length);
      const whole = Math.floor(bytes.length / 4 / planes);
      const view = new DataView(bytes.buffer);
      for (let n = 0; n < whole; n++, at++) {
        for (let p = 0; p < planes; p++) all[p][at] = view.getFloat32(4 * (n * planes + p), true);
      }
      rest = bytes.slice(4 * whole * planes);
      told(at / frames);
    }
    if (at < frames) throw new Error('the sound did not come whole');
    return { before, cleaned };
  }

  /** The result: what `aeden clean` writes at that strength. Another strength than that of the result is cleaned again. */
  async save(strength, told) {
    if ((await this.#look()).saved_strength !== strength) {
      await post(`recordings/${this.#id}/clean?${this.#wish(strength)}`);
      await this.#wait(null, ({ state, progress, turn }) => {
        if (state === 'waiting') told('waits for its turn to be saved');
        else told(turn || `is being saved at this strength${progress === null ? '' : `: ${Math.round(100 * progress)} %`}`);
      });
    }
    const { saved, warnings } = await this.#look();
    return { name: saved, href: `recordings/${this.#id}/result`, note: warnings.join('. ') };
  }

  forget() {
    if (this.#id !== undefined) ask(`recordings/${this.#id}`, { method: 'DELETE' }).catch(() => {});
  }
}
