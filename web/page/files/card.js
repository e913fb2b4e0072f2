// What is shown of a recording: its state, then its player.
import { written } from './bands.js';
import { Player, Timeline, UNLIMITED, VERSIONS, mark, steer, toggleLoop } from './player.js';
import { brightest, draw, levels } from './spectrogram.js';

const COLUMNS = 600;
/** Milliseconds that a view stays the same before its spectrograms are drawn anew. */
const CALM = 120;

export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function clock(seconds) {
  const two = (n) => String(Math.floor(n)).padStart(2, '0');
  return `${Math.floor(seconds / 60)}:${two(seconds % 60)}.${Math.floor(seconds * 10 + 1e-6) % 10}`;
}

const STATES = {
  waiting: 'waits for its turn', sending: 'is handed to aeden', reading: 'is being read', cleaning: 'is being cleaned',
  fetching: 'is clean, and its sound is on its way', done: 'is clean', failed: 'failed', cancelled: 'was cancelled',
};

export class Card {
  player = null;

  /** @param actions `choose`, `remove`, `save` and `matches` of the page */
  constructor(recording, actions) {
    Object.assign(this, { recording, actions });
    this.state = make('p', { className: 'state' });
    this.bar = make('progress', { max: 1, value: 0, ariaLabel: `Progress of ${recording.name}` });
    this.cancel = make('button', { type: 'button', textContent: 'Cancel', onclick: () => actions.cancel(this) });
    this.remove = make('button', { type: 'button', textContent: 'Remove', onclick: () => actions.remove(this) });
    for (const button of [this.cancel, this.remove]) button.ariaLabel = `${button.textContent} ${recording.name}`;
    this.row = make('div', { className: 'row' }, this.cancel, this.remove);
    this.element = make('li', { className: 'card' }, make('h3', { textContent: recording.name }), this.state, this.bar, this.row);
    this.element.addEventListener('focusin', () => actions.choose(this));
    this.element.addEventListener('click', () => actions.choose(this));
    this.show();
  }

  show() {
    const { state, progress, problem, notes, quality, open, saving } = this.recording;
    const said = `${STATES[state]}${problem ? `: ${problem}` : ''}${state === 'done' ? ` (${quality})` : ''}`;
    this.state.textContent = [saving || said, ...notes].join('. ');
    this.state.classList.toggle('error', state === 'failed');
    this.bar.hidden = !(open && state !== 'waiting') && !saving;
    if (progress === null || saving) this.bar.removeAttribute('value');
    else this.bar.value = progress;
    this.cancel.hidden = !this.recording.open;
    this.remove.hidden = this.recording.open;
    if (state === 'done' && !this.player) this.#finish();
    if (this.player) this.#showPlayer();
  }

  #finish() {
    const { before, cleaned, loudness, name, label, bands } = this.recording;
    const changed = () => this.#showPlayer();
    this.player = new Player({
      duration: before.duration, load: async () => ({ sounds: [before, cleaned], loudness }), changed,
    });
    this.player.match = this.actions.matches();
    this.timeline = new Timeline(before.duration, () => {
      this.#showPlayer();
      this.#drawSoon();
    });
    const button = (textContent, does, name) => {
      const made = make('button', { type: 'button', textContent, onclick: does });
      if (name) made.ariaLabel = name;
      return made;
    };
    this.play = button('', () => this.toggle());
    this.play.className = 'play';
    this.versions = VERSIONS.map((version) => {
      const made = button(version[0].toUpperCase() + version.slice(1), () => this.player.set({ version }));
      made.dataset.version = version;
      return made;
    });
    const group = make('div', { className: 'versions', role: 'group', ariaLabel: 'What is heard' }, ...this.versions);
    this.time = make('span', { className: 'time' });
    this.strength = make('input', { type: 'range', min: 0, max: UNLIMITED, step: 1, value: UNLIMITED });
    this.strength.oninput = () => this.player.set({ strength: Number(this.strength.value) });
    this.amount = make('output');
    // Limits along frequency are no mixture of before and after, which strength by ear is.
    const strength = bands.length
      ? make('span', { className: 'field', textContent: `At most, by band: ${written(bands)}` })
      : make('label', { className: 'field' }, 'Strength ', this.strength, this.amount);
    const { player, timeline } = this;
    this.loop = button('Loop', () => toggleLoop(player, timeline));
    this.view = make('span', { className: 'time' });
    const zoom = make('div', { className: 'field', role: 'group', ariaLabel: 'View' },
      button('−', () => timeline.zoom(2, player.position), 'Show more'),
      button('+', () => timeline.zoom(0.5, player.position), 'Show less'),
      button('All', () => timeline.whole(), 'Show all'), this.loop, this.view);
    const save = button(label, () => this.actions.save(this), `Save ${name}${label.includes('WAV') ? ' as WAV' : ''}`);
    this.marks = [];
    this.row.before(
      make('div', { className: 'row' }, this.play, group, this.time),
      make('div', { className: 'row' }, strength, zoom),
    );
    this.row.prepend(save);
    this.#pictures();
  }

  #pictures() {
    const { player, timeline } = this;
    this.canvases = ['before', 'after'].map((version) => {
      const canvas = make('canvas', { ariaLabel: `Spectrogram ${version}` });
      canvas.setAttribute('role', 'img');
      const marks = { head: make('div', { className: 'head' }), chosen: make('div', { className: 'chosen-part' }) };
      this.marks.push(marks);
      const figure = make('figure', { className: 'picture' }, canvas, make('figcaption', { textContent: version }), marks.chosen, marks.head);
      const start = (prepare) => {
        player.set({ version });
        prepare();
        this.actions.play(this);
      };
      steer(figure, timeline, {
        place: (time) => start(() => player.seek(time)),
        selected: (part) => start(() => player.repeat(part)),
      });
      this.row.before(figure);
      return canvas;
    });
    this.#draw();
  }

  /** Draws the spectrograms of what is seen, in steps; a later call ends this one. */
  async #draw() {
    const { before, cleaned } = this.recording;
    const { from, to } = this.timeline;
    const turn = (this.drawing ?? 0) + 1;
    this.drawing = turn;
    const late = () => this.drawing !== turn;
    const columns = Math.min(COLUMNS, Math.ceil(before.length / 256));
    const part = [from, to].map((time) => time * before.sampleRate);
    const all = [];
    for (const sound of [before, cleaned]) all.push(await levels(sound.getChannelData(0), columns, part, late));
    if (late()) return;
    // Of one brightness, however the view is zoomed.
    this.top ??= brightest(all[0]);
    this.canvases.forEach((canvas, n) => draw(canvas, all[n], this.top));
    this.element.dataset.drawn = `${from} ${to}`;
    this.#showPlayer();
  }

  #drawSoon() {
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.#draw(), CALM);
  }

  toggle() {
    if (this.player.playing) this.player.pause();
    else this.actions.play(this);
  }

  #showPlayer() {
    const { player, timeline } = this;
    this.play.textContent = player.playing ? '❚❚ Pause' : '▶ Play';
    for (const button of this.versions) {
      button.setAttribute('aria-pressed', String(button.dataset.version === player.version));
    }
    const text = player.strength < UNLIMITED ? `at most ${player.strength} dB` : 'all noise';
    this.strength.value = String(player.strength);
    this.strength.setAttribute('aria-valuetext', text);
    this.amount.textContent = text;
    this.loop.setAttribute('aria-pressed', String(player.loop !== null));
    this.time.textContent = `${clock(player.position)} / ${clock(player.duration)}`;
    const { from, to } = timeline.selection ?? timeline;
    const seen = timeline.selection ? 'selected' : 'shown';
    this.view.textContent = timeline.selection || timeline.span < timeline.duration ? `${clock(from)} to ${clock(to)} ${seen}` : '';
    for (const marks of this.marks) mark(marks, timeline, player.position);
    if (player.playing && !this.ticking) {
      this.ticking = true;
      requestAnimationFrame(() => {
        this.ticking = false;
        if (player.playing) timeline.follow(player.position);
        this.#showPlayer();
      });
    }
  }
}
