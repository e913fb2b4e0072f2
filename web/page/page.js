// The page: a queue of recordings, one after the other through the denoiser, and a microphone.
import { Card, make } from './card.js';
import { microphone } from './microphone.js';
import { VERSIONS } from './player.js';
import { Recording } from './recording.js';

const byId = (id) => document.getElementById(id);
const cards = [];
let chosen = null;
let working = false;

function say(text) {
  byId('status').textContent = text;
}

function choose(card) {
  if (chosen === card) return;
  chosen?.player?.pause();
  chosen?.element.classList.remove('chosen');
  chosen = card;
  chosen?.element.classList.add('chosen');
}

function play(card) {
  choose(card);
  return card.player.play();
}

function save(card) {
  try {
    const { blob, limited } = card.recording.save(card.player.strength);
    const link = make('a', { href: URL.createObjectURL(blob), download: card.recording.saved });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    say(`Saved ${card.recording.saved}${limited ? `; ${limited} samples were louder than full scale and were limited to it` : ''}.`);
  } catch (error) {
    say(`${card.recording.name} could not be saved: ${error.message}`);
  }
}

function remove(card) {
  const at = cards.indexOf(card);
  cards.splice(at, 1);
  if (chosen === card) choose(null);
  const focus = cards[Math.min(at, cards.length - 1)]?.element.querySelector('button:not([hidden])') ?? byId('files');
  card.element.remove();
  focus.focus();
  show();
}

function cancel(card) {
  card.recording.cancel();
  card.show();
  card.remove.focus();
  show();
}

const actions = { choose, play, save, remove, cancel, matches: () => byId('match').checked };

function add(files) {
  for (const file of files) {
    const card = new Card(new Recording(file, byId('quality').value), actions);
    cards.push(card);
    byId('queue').append(card.element);
  }
  work();
}

/** One recording after the other, so that memory holds one at work. */
async function work() {
  if (working) return;
  working = true;
  for (;;) {
    const next = cards.find((card) => card.recording.state === 'waiting');
    if (!next) break;
    show();
    await next.recording.work(() => next.show());
    next.show();
    const { name, state, problem } = next.recording;
    if (state === 'done') {
      if (!chosen?.player) choose(next);
      say(`${name} is clean.`);
    } else if (state === 'failed') {
      say(`${name} failed: ${problem}`);
    }
  }
  working = false;
  show();
}

function show() {
  const done = cards.filter((card) => card.recording.state === 'done').length;
  byId('save-all').disabled = !done;
  byId('save-all').textContent = done > 1 ? `Save all ${done}` : 'Save all';
  const left = cards.filter((card) => card.recording.open).length;
  document.title = left ? `${left} to clean · aeden` : 'aeden: clean a recording';
}

byId('files').onchange = () => {
  add(byId('files').files);
  byId('files').value = ''; // so that the same one can be chosen again
};

const drop = byId('drop');
addEventListener('dragover', (event) => {
  event.preventDefault();
  drop.classList.add('over');
});
addEventListener('dragleave', () => drop.classList.remove('over'));
addEventListener('drop', (event) => {
  event.preventDefault();
  drop.classList.remove('over');
  add(event.dataTransfer.files);
});

byId('save-all').onclick = () => {
  for (const card of cards) if (card.recording.state === 'done') save(card);
};
byId('match').onchange = () => {
  for (const card of cards) card.player?.set({ match: byId('match').checked });
};
byId('theme').onclick = () => {
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const { dataset } = document.documentElement;
  dataset.theme = (dataset.theme ?? (dark ? 'dark' : 'light')) === 'dark' ? 'light' : 'dark';
};

/** What a key does to the chosen recording; those of an element that takes keys itself are left to it. */
const KEYS = {
  ' ': (card) => card.toggle(),
  a: (card) => card.player.set({ version: VERSIONS[0] }),
  b: (card) => card.player.set({ version: VERSIONS[1] }),
  r: (card) => card.player.set({ version: VERSIONS[2] }),
  x: (card) => card.player.set({ version: card.player.version === 'before' ? 'after' : 'before' }),
  ArrowLeft: (card) => card.player.seek(card.player.position - 2),
  ArrowRight: (card) => card.player.seek(card.player.position + 2),
};

addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { target, key } = event;
  const takes = target.closest('select, textarea, input:not([type="checkbox"], [type="file"])')
    || (key === ' ' && target.closest('button, input, summary'));
  if (takes) return;
  if (key === 'ArrowUp' || key === 'ArrowDown') {
    const at = cards.indexOf(chosen) + (key === 'ArrowUp' ? -1 : 1);
    if (!cards[at]) return;
    choose(cards[at]);
    cards[at].element.scrollIntoView({ block: 'nearest' });
    event.preventDefault();
    return;
  }
  const act = KEYS[key.length === 1 ? key.toLowerCase() : key];
  if (!act || !chosen?.player) return;
  event.preventDefault();
  act(chosen);
});

microphone();
