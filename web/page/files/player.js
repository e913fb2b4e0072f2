// The player of the page and of `aeden report`: a recording that is heard before, after or as what was removed without losing
// the place on a switch, in loops, and a view of its time that can be zoomed. Nothing is imported here, so that a page in one
// file can have it.
//
// Before and after play at once, through a gain each. Every strength is a mixture of the two, and so is what is removed:
// with g = 10^(-strength / 20), after is g · before + (1 - g) · cleaned. So strength is heard while it plays.

export const VERSIONS = ['before', 'after', 'removed'];
export const UNLIMITED = 60;
const FADE = 0.01;
/** What is removed may be very soft; it is not made louder by more than so many dB. */
const LOUDER = 24;

let context = null;

/** The context that sound is played in, made when it is wanted: browsers let no page sound before it is used. */
function sounding() {
  context ??= new AudioContext();
  return context;
}

/** The shares of before and cleaned in a version at a strength in dB. */
export function shares(version, strength) {
  const g = strength < UNLIMITED ? 10 ** (-strength / 20) : 0;
  return { before: [1, 0], after: [g, 1 - g], removed: [1 - g, g - 1] }[version];
}

export class Player {
  version = 'after';
  strength = UNLIMITED;
  match = true;
  /** The part that is played again and again, { from, to } in seconds; null for all, once. */
  loop = null;
  #at = 0;
  #startedAt = 0;
  #sources = null;
  #load;
  #loaded = null;
  #loudness = null;
  #wanted = false;
  #changed;

  /**
   * @param {{ duration: number, load: (context: () => AudioContext) => Promise<{ sounds: AudioBuffer[],
   *   loudness: (u: number, v: number) => number }>, changed: () => void }} recording `load` gives before and cleaned, and the
   *   loudness of their mixtures in LUFS; `changed` is called whenever something else is to be shown
   */
  constructor({ duration, load, changed }) {
    this.duration = duration;
    this.#load = load;
    this.#changed = changed;
  }

  get playing() { return this.#sources !== null; }

  get position() {
    if (!this.playing) return Math.min(this.#at, this.duration);
    const at = this.#at + Math.max(0, context.currentTime - this.#startedAt);
    if (this.loop && at >= this.loop.to) return this.loop.from + (at - this.loop.from) % (this.loop.to - this.loop.from);
    return Math.min(at, this.duration);
  }

  /** The gains of both signals: all versions as loud as before, if that is wanted. */
  gains() {
    const [u, v] = shares(this.version, this.strength);
    if (this.version === 'before' || !this.match || !this.#loudness) return [u, v];
    const louder = this.#loudness(1, 0) - this.#loudness(u, v);
    const gain = Number.isFinite(louder) ? 10 ** (Math.min(louder, LOUDER) / 20) : 1;
    return [u * gain, v * gain];
  }

  async play() {
    if (this.playing || this.#wanted || !this.duration) return;
    this.#wanted = true;
    this.#loaded ??= this.#load(sounding);
    const { sounds, loudness } = await this.#loaded;
    this.#loudness = loudness;
    await sounding().resume();
    if (!this.#wanted) return;
    this.#wanted = false;
    if (this.#at >= this.duration - 0.05) this.#at = 0;
    if (this.loop && !(this.#at >= this.loop.from && this.#at < this.loop.to)) this.#at = this.loop.from;
    this.#startedAt = context.currentTime + 0.02;
    const gains = this.gains();
    const round = this.loop ? { loop: true, loopStart: this.loop.from, loopEnd: this.loop.to } : {};
    this.#sources = sounds.map((buffer, n) => {
      const source = new AudioBufferSourceNode(context, { buffer, ...round });
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
    this.#wanted = false;
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

  toggle() {
    return this.playing ? this.pause() : this.play();
  }

  seek(at) {
    const playing = this.playing || this.#wanted;
    this.pause();
    this.#at = Math.min(Math.max(at, 0), this.duration);
    // Who goes elsewhere wants to hear that.
    if (this.loop && !(this.#at >= this.loop.from && this.#at < this.loop.to)) this.loop = null;
    this.#changed();
    if (playing) this.play();
  }

  /** Sets the part that is played again and again; null for none. */
  repeat(part) {
    const playing = this.playing || this.#wanted;
    this.pause();
    this.loop = part;
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

/** Seconds that can be seen at least. */
const LEAST = 0.05;

/** Which part of a recording is seen, and which is selected. */
export class Timeline {
  from = 0;
  /** { from, to } in seconds, or null */
  selection = null;
  #changed;

  constructor(duration, changed) {
    this.duration = duration;
    this.to = duration;
    this.#changed = changed;
  }

  get span() { return this.to - this.from; }

  /** Where a time stands in the view, as a share of its width, and the other way. */
  share(time) { return this.span ? (time - this.from) / this.span : 0; }
  time(share) { return this.from + Math.min(Math.max(share, 0), 1) * this.span; }

  /** Shows more (a factor above 1) or less of the recording; what stands at a time stays where it is. */
  zoom(factor, at) {
    const span = Math.min(Math.max(this.span * factor, Math.min(LEAST, this.duration)), this.duration);
    this.show(at - this.share(at) * span, span);
  }

  /** Moves the view by so many seconds. */
  pan(seconds) {
    this.show(this.from + seconds, this.span);
  }

  show(from, span) {
    this.from = Math.min(Math.max(from, 0), this.duration - span);
    this.to = this.from + span;
    this.#changed();
  }

  whole() { this.show(0, this.duration); }

  /** Turns the page where a place has left the view. */
  follow(at) {
    if (at < this.from || at >= this.to) this.show(at, this.span);
  }

  /** Selects what lies between two times; what is too short is no selection. */
  select(one, other) {
    const [from, to] = [Math.min(one, other), Math.max(one, other)];
    this.selection = to - from > 0.01 ? { from: Math.max(from, 0), to: Math.min(to, this.duration) } : null;
    this.#changed();
  }
}

/** Lets a picture of a timeline be used: a click is a place, a drag a selection, the wheel zooms and, with Shift, moves. */
export function steer(element, timeline, { place, selected }) {
  let began = null;
  let moved = false;
  const share = (event) => {
    const box = element.getBoundingClientRect();
    return (event.clientX - box.left) / box.width;
  };
  element.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    [began, moved] = [{ x: event.clientX, time: timeline.time(share(event)) }, false];
    element.setPointerCapture(event.pointerId);
  });
  element.addEventListener('pointermove', (event) => {
    if (!began) return;
    moved ||= Math.abs(event.clientX - began.x) > 4;
    if (moved) timeline.select(began.time, timeline.time(share(event)));
  });
  element.addEventListener('pointerup', () => {
    if (!began) return;
    const { time } = began;
    began = null;
    if (moved && timeline.selection) selected(timeline.selection);
    else place(time);
  });
  element.addEventListener('pointercancel', () => { began = null; });
  element.addEventListener('wheel', (event) => {
    event.preventDefault();
    const step = event.deltaY || event.deltaX;
    if (event.shiftKey || !event.deltaY) timeline.pan(Math.sign(step) * timeline.span / 8);
    else timeline.zoom(step > 0 ? 1.25 : 0.8, timeline.time(share(event)));
  }, { passive: false });
}

/** Puts the marks of a picture where they belong: the place that is heard, and the selection. */
export function mark({ head, chosen }, timeline, position) {
  const place = timeline.share(position);
  head.hidden = place < 0 || place > 1;
  head.style.left = `${place * 100}%`;
  const { selection } = timeline;
  chosen.hidden = !selection;
  if (!selection) return;
  const [from, to] = [selection.from, selection.to].map((time) => Math.min(Math.max(timeline.share(time), 0), 1));
  Object.assign(chosen.style, { left: `${from * 100}%`, width: `${(to - from) * 100}%` });
}

/** Loops the selection, or what is seen where nothing is selected; the other way round where it loops already. */
export function toggleLoop(player, timeline) {
  if (player.loop) return player.repeat(null);
  if (!timeline.selection) timeline.select(timeline.from, timeline.to);
  if (timeline.selection) player.repeat(timeline.selection);
}

/** What keys do to a player and its timeline. */
const KEYS = {
  ' ': (player, timeline, toggle) => toggle(),
  a: (player) => player.set({ version: VERSIONS[0] }),
  b: (player) => player.set({ version: VERSIONS[1] }),
  r: (player) => player.set({ version: VERSIONS[2] }),
  x: (player) => player.set({ version: player.version === 'before' ? 'after' : 'before' }),
  ArrowLeft: (player) => player.seek(player.position - 2),
  ArrowRight: (player) => player.seek(player.position + 2),
  '+': (player, timeline) => timeline.zoom(0.5, player.position),
  '-': (player, timeline) => timeline.zoom(2, player.position),
  0: (player, timeline) => timeline.whole(),
  l: (player, timeline) => toggleLoop(player, timeline),
  '[': (player, timeline) => timeline.select(player.position, timeline.selection?.to ?? timeline.to),
  ']': (player, timeline) => timeline.select(timeline.selection?.from ?? timeline.from, player.position),
  Escape: (player, timeline) => {
    if (player.loop) player.repeat(null);
    timeline.select(0, 0);
  },
};
const SAME = { '=': '+', _: '-' };

/** Does what a key stands for; whether it stands for anything. `toggle` plays or pauses. */
export function press(key, player, timeline, toggle = () => player.toggle()) {
  const name = key.length === 1 ? key.toLowerCase() : key;
  const act = KEYS[SAME[name] ?? name];
  act?.(player, timeline, toggle);
  return Boolean(act);
}
