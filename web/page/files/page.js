// The page: a queue of recordings, one after the other through the denoiser, and a microphone where the engine has one.
import { parse } from './bands.js';
import { Card, make } from './card.js';
import { NAME, Work, microphone, there } from './engine.js';
import { press } from './player.js';
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

async function save(card) {
  const { recording } = card;
  if (recording.saving) return;
  try {
    const { name, href, note } = await recording.save(card.player.strength, () => card.show());
    make('a', { href, download: name }).click();
    say(`Saved ${name}${note ? `; ${note}` : ''}.`);
  } catch (error) {
    say(`${recording.name} could not be saved: ${error.message}`);
  }
}

function remove(card) {
  const at = cards.indexOf(card);
  cards.splice(at, 1);
  if (chosen === card) choose(null);
  card.recording.forget();
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

/** The limits along frequency in the page's field; null where they are none, which is said. */
function bands() {
  try {
    const nodes = parse(byId('bands').value);
    byId('bands').removeAttribute('aria-invalid');
    return nodes;
  } catch (error) {
    byId('bands').setAttribute('aria-invalid', 'true');
    say(error.message);
    return null;
  }
}

function add(files) {
  const limits = bands();
  if (!limits) return byId('bands').focus();
  for (const file of files) {
    const card = new Card(new Recording(new Work(file, byId('quality').value, limits)), actions);
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
    await next.recording.run(() => next.show());
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

byId('bands').onchange = bands;

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

byId('save-all').onclick = async () => {
  for (const card of cards) if (card.recording.state === 'done') await save(card);
};
byId('match').onchange = () => {
  for (const card of cards) card.player?.set({ match: byId('match').checked });
};
byId('theme').onclick = () => {
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const { dataset } = document.documentElement;
  dataset.theme = (dataset.theme ?? (dark ? 'dark' : 'light')) === 'dark' ? 'light' : 'dark';
};

addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { target, key } = event;
  // Elements that take keys themselves are left alone.
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
  if (!chosen?.player) return;
  if (press(key, chosen.player, chosen.timeline, () => chosen.toggle())) event.preventDefault();
});

for (const element of document.querySelectorAll('[data-engine]')) element.hidden = element.dataset.engine !== NAME;
microphone?.();
there().then(add, (error) => say(error.message));
