// What is shown of a recording: its state, then its player.
import { Player, UNLIMITED, VERSIONS } from './player.js';
import { brightest, draw, levels } from './spectrogram.js';

const COLUMNS = 600;

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
  waiting: 'waits for its turn', reading: 'is being read', cleaning: 'is being cleaned', done: 'is clean', failed: 'failed',
  cancelled: 'was cancelled',
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
    const { state, progress, problem, notes, quality } = this.recording;
    this.state.textContent = [
      `${STATES[state]}${problem ? `: ${problem}` : ''}${state === 'done' ? ` (${quality})` : ''}`, ...notes,
    ].join('. ');
    this.state.classList.toggle('error', state === 'failed');
    this.bar.hidden = !['reading', 'cleaning'].includes(state);
    if (state === 'cleaning') this.bar.value = progress;
    else this.bar.removeAttribute('value');
    this.cancel.hidden = !this.recording.open;
    this.remove.hidden = this.recording.open;
    if (state === 'done' && !this.player) this.#finish();
    if (this.player) this.#showPlayer();
  }

  #finish() {
    const { before, cleaned, loudness, name } = this.recording;
    this.player = new Player(before, cleaned, loudness, () => this.#showPlayer());
    this.player.match = this.actions.matches();
    this.play = make('button', { type: 'button', className: 'play', onclick: () => this.toggle() });
    this.versions = VERSIONS.map((version) => {
      const button = make('button', { type: 'button', textContent: version[0].toUpperCase() + version.slice(1) });
      button.dataset.version = version;
      button.onclick = () => this.player.set({ version });
      return button;
    });
    const group = make('div', { className: 'versions', role: 'group', ariaLabel: 'What is heard' }, ...this.versions);
    this.time = make('span', { className: 'time' });
    this.strength = make('input', { type: 'range', min: 0, max: UNLIMITED, step: 1, value: UNLIMITED });
    this.strength.oninput = () => this.player.set({ strength: Number(this.strength.value) });
    this.amount = make('output');
    const strength = make('label', { className: 'field' }, 'Strength ', this.strength, this.amount);
    const save = make('button', { type: 'button', textContent: 'Save WAV', onclick: () => this.actions.save(this) });
    save.ariaLabel = `Save ${name} as WAV`;
    this.heads = [];
    this.row.before(make('div', { className: 'row' }, this.play, group, this.time), make('div', { className: 'row' }, strength));
    this.row.prepend(save);
    this.#pictures();
  }

  async #pictures() {
    const { before, cleaned } = this.recording;
    const columns = Math.min(COLUMNS, Math.ceil(before.length / 256));
    const figures = ['before', 'after'].map((version) => {
      const canvas = make('canvas', { role: 'img', ariaLabel: `Spectrogram ${version}` });
      canvas.setAttribute('role', 'img');
      const head = make('div', { className: 'head' });
      this.heads.push(head);
      const figure = make('figure', { className: 'picture' }, canvas, make('figcaption', { textContent: version }), head);
      figure.onclick = (event) => {
        const box = figure.getBoundingClientRect();
        this.player.set({ version });
        this.player.seek(((event.clientX - box.left) / box.width) * this.player.duration);
        this.actions.play(this);
      };
      this.row.before(figure);
      return canvas;
    });
    const all = [await levels(before.getChannelData(0), columns), await levels(cleaned.getChannelData(0), columns)];
    const top = brightest(all[0]);
    figures.forEach((canvas, n) => draw(canvas, all[n], top));
    this.element.dataset.drawn = 'true';
    this.#showPlayer();
  }

  toggle() {
    if (this.player.playing) this.player.pause();
    else this.actions.play(this);
  }

  #showPlayer() {
    const { player } = this;
    this.play.textContent = player.playing ? '❚❚ Pause' : '▶ Play';
    for (const button of this.versions) {
      button.setAttribute('aria-pressed', String(button.dataset.version === player.version));
    }
    const text = player.strength < UNLIMITED ? `at most ${player.strength} dB` : 'all noise';
    this.strength.value = String(player.strength);
    this.strength.setAttribute('aria-valuetext', text);
    this.amount.textContent = text;
    this.time.textContent = `${clock(player.position)} / ${clock(player.duration)}`;
    for (const head of this.heads) head.style.left = `${(player.position / player.duration) * 100}%`;
    if (player.playing && !this.ticking) {
      this.ticking = true;
      requestAnimationFrame(() => {
        this.ticking = false;
        this.#showPlayer();
      });
    }
  }
}
