// A recording that is played before, after or as what was removed, without losing the place on a switch.
//
// Before and after play at once, through a gain each. Every strength is a mixture of the two, and so is what is removed:
// with g = 10^(-strength / 20), after is g · before + (1 - g) · cleaned. So strength is heard while it plays.

export const VERSIONS = ['before', 'after', 'removed'];
export const UNLIMITED = 60;
const FADE = 0.01;

let context = null;

/** The shares of before and cleaned in a version at a strength in dB. */
export function shares(version, strength) {
  const g = strength < UNLIMITED ? 10 ** (-strength / 20) : 0;
  return { before: [1, 0], after: [g, 1 - g], removed: [1 - g, g - 1] }[version];
}

export class Player {
  version = 'after';
  strength = UNLIMITED;
  match = true;
  #at = 0;
  #startedAt = 0;
  #sources = null;
  #loudness;
  #changed;

  /**
   * @param {AudioBuffer} before @param {AudioBuffer} cleaned
   * @param {(u: number, v: number) => number} loudness of mixtures, in LUFS
   * @param {() => void} changed is called whenever something else is to be shown
   */
  constructor(before, cleaned, loudness, changed) {
    Object.assign(this, { before, cleaned });
    this.#loudness = loudness;
    this.#changed = changed;
  }

  get duration() { return this.before.duration; }
  get playing() { return this.#sources !== null; }

  get position() {
    const passed = this.playing ? Math.max(0, context.currentTime - this.#startedAt) : 0;
    return Math.min(this.#at + passed, this.duration);
  }

  /** The gains of both signals. What is removed stays as loud as it is: it is there to be judged. */
  gains() {
    const [u, v] = shares(this.version, this.strength);
    if (this.version !== 'after' || !this.match) return [u, v];
    const louder = this.#loudness(1, 0) - this.#loudness(u, v);
    const gain = Number.isFinite(louder) ? 10 ** (Math.min(louder, 24) / 20) : 1;
    return [u * gain, v * gain];
  }

  async play() {
    context ??= new AudioContext();
    await context.resume();
    if (this.playing) return;
    if (this.#at >= this.duration - 0.05) this.#at = 0;
    this.#startedAt = context.currentTime + 0.02;
    const gains = this.gains();
    this.#sources = [this.before, this.cleaned].map((buffer, n) => {
      const source = new AudioBufferSourceNode(context, { buffer });
      const volume = new GainNode(context, { gain: gains[n] });
      source.connect(volume).connect(context.destination);
      source.start(this.#startedAt, this.#at);
      return { source, volume };
    });
    this.#sources[0].source.onended = () => {
      this.pause();
      this.seek(0);
    };
    this.#changed();
  }

  pause() {
    if (!this.playing) return;
    this.#at = this.position;
    for (const { source, volume } of this.#sources) {
      source.onended = null;
      source.stop();
      volume.disconnect();
    }
    this.#sources = null;
    this.#changed();
  }

  seek(at) {
    const { playing } = this;
    this.pause();
    this.#at = Math.min(Math.max(at, 0), this.duration);
    this.#changed();
    if (playing) this.play();
  }

  /** Sets version, strength or match. */
  set(settings) {
    Object.assign(this, settings);
    const gains = this.gains();
    this.#sources?.forEach(({ volume }, n) => volume.gain.setTargetAtTime(gains[n], context.currentTime, FADE / 3));
    this.#changed();
  }
}
