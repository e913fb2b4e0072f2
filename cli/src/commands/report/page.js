// The report's own part: table, cards, keys. `player.js` and `loudness.js` stand before it in the same script.
(() => {
  const recordings = [...document.querySelectorAll('script.recording')].map((e) => JSON.parse(e.textContent));
  const byId = (id) => document.getElementById(id);
  const data = (name, number) => byId(`${name}-${number}`).textContent;

  const make = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const clock = (seconds) => {
    const whole = Math.floor(seconds + 1e-6);
    const two = (n) => String(n).padStart(2, '0');
    const hours = Math.floor(whole / 3600);
    const minutes = Math.floor(whole / 60) % 60;
    return (hours ? `${hours}:${two(minutes)}` : `${minutes}`) + `:${two(whole % 60)}`;
  };
  const fine = (seconds) => `${clock(seconds)}.${Math.floor((seconds % 1) * 10 + 1e-6)}`;
  const known = (number) => typeof number === 'number';
  const tenths = (number) => Math.round(number * 10) / 10 || 0; // no minus before a zero
  const decimal = (number) => (known(number) ? tenths(number).toFixed(1).replace('-', '−') : '–');
  const signed = (number) => (tenths(number) > 0 ? '+' : '') + decimal(number);
  const gain = ([before, after]) => (known(before) && known(after) ? after - before : null);
  const median = (numbers) => {
    const sorted = numbers.filter(known).sort((a, b) => a - b);
    const half = sorted.length >> 1;
    if (!sorted.length) return null;
    return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  };

  // Sound: the player that the page of `aeden web` has too; it stands before this script.
  const load = (number) => async (context) => {
    const decode = (name) => {
      const bytes = Uint8Array.from(atob(data(name, number)), (c) => c.charCodeAt(0));
      return context().decodeAudioData(bytes.buffer);
    };
    const sounds = await Promise.all([decode('sound-before'), decode('sound-after')]);
    const channels = sounds.map((sound) => Array.from({ length: sound.numberOfChannels }, (_, c) => sound.getChannelData(c)));
    return { sounds, loudness: await measure(sounds[0].sampleRate, ...channels) };
  };

  class Recording {
    constructor(recording, number) {
      Object.assign(this, { recording, number });
      const changed = () => this.card && show(this);
      this.player = new Player({ duration: recording.heard, load: load(number), changed });
      this.player.set({ version: 'before', match: byId('match').checked });
      this.timeline = new Timeline(recording.heard, changed);
      this.marks = [];
    }

    get playing() { return this.player.playing; }
  }

  const players = recordings.map((recording, number) => (recording.error ? null : new Recording(recording, number)));
  let chosen = players.find((player) => player) ?? null;

  const play = (player) => {
    for (const other of players) if (other && other !== player) other.player.pause();
    choose(player);
    return player.player.play();
  };
  const choose = (player, scroll = false) => {
    const former = chosen;
    chosen = player;
    if (former && former !== player) { former.player.pause(); show(former); }
    show(player);
    if (scroll) player.card.scrollIntoView({ block: 'nearest', behavior: 'smooth' });
  };
  const toggle = (player) => (player.playing ? player.player.pause() : play(player));

  let ticking = false;
  const show = (player) => {
    const { card, row, recording, timeline } = player;
    const { version, position, loop } = player.player;
    card.classList.toggle('chosen', player === chosen);
    row.classList.toggle('chosen', player === chosen);
    const button = card.querySelector('.play');
    button.textContent = player.playing ? '❚❚ Pause' : '▶ Play';
    for (const element of card.querySelectorAll('.versions button')) {
      element.setAttribute('aria-pressed', String(element.dataset.version === version));
    }
    for (const element of card.querySelectorAll('.view')) {
      element.classList.toggle('on', element.dataset.version === version);
    }
    for (const marks of player.marks) mark(marks, timeline, position);
    const wide = timeline.span ? timeline.duration / timeline.span : 1;
    for (const image of card.querySelectorAll('.picture img')) {
      Object.assign(image.style, { width: `${wide * 100}%`, marginLeft: `${timeline.share(0) * 100}%` });
    }
    card.querySelectorAll('.times span').forEach((element, i) => {
      element.textContent = fine(recording.start + timeline.time(i / 4));
    });
    card.querySelector('.loop').setAttribute('aria-pressed', String(loop !== null));
    card.querySelector('.time').textContent =
      `${fine(recording.start + position)} / ${fine(recording.start + recording.heard)}`;
    if (player.playing && !ticking) {
      ticking = true;
      requestAnimationFrame(() => {
        ticking = false;
        if (player.playing) timeline.follow(player.player.position);
        show(player);
      });
    }
  };

  // Cards.
  const pictures = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      pictures.unobserve(target);
      target.src = `data:image/png;base64,${data(`picture-${target.dataset.version}`, target.dataset.number)}`;
    }
  }, { rootMargin: '600px' });

  const view = (player, version) => {
    const axis = make('div', { className: 'axis' }, make('b', { textContent: version }));
    for (const [frequency, position] of player.recording.ticks) {
      // Where they would stand on each other, the lower ones are left out.
      if (frequency !== 0 && frequency < 500) continue;
      const text = frequency >= 1000 ? `${frequency / 1000} kHz` : `${frequency} Hz`;
      const label = make('span', { textContent: text });
      label.style.bottom = `${Math.max(position * 100, 5)}%`;
      if (position < 0.85) axis.append(label);
    }
    const image = make('img', { alt: `Spectrogram ${version}` });
    Object.assign(image.dataset, { version, number: player.number });
    pictures.observe(image);
    const marks = { head: make('div', { className: 'head' }), chosen: make('div', { className: 'chosen-part' }) };
    player.marks.push(marks);
    const picture = make('div', { className: 'picture' }, image, marks.chosen, marks.head);
    const start = (prepare) => {
      player.player.set({ version });
      prepare();
      if (!player.playing) play(player);
    };
    steer(picture, player.timeline, {
      place: (time) => start(() => player.player.seek(time)),
      selected: (part) => start(() => player.player.repeat(part)),
    });
    const element = make('div', { className: 'view' }, axis, picture);
    element.dataset.version = version;
    return element;
  };

  const card = (player) => {
    const { recording } = player;
    const versions = make('div', { className: 'versions', role: 'group', ariaLabel: 'What is heard' });
    for (const version of VERSIONS) {
      const button = make('button', { type: 'button', textContent: version[0].toUpperCase() + version.slice(1) });
      button.dataset.version = version;
      button.addEventListener('click', () => { choose(player); player.player.set({ version }); });
      versions.append(button);
    }
    const start = make('button', { type: 'button', className: 'play' });
    start.addEventListener('click', () => toggle(player));
    const { timeline } = player;
    const button = (textContent, ariaLabel, does) => make('button', { type: 'button', textContent, ariaLabel, onclick: does });
    const loop = button('Loop', 'Loop', () => toggleLoop(player.player, timeline));
    loop.className = 'loop';
    const zoom = make('div', { className: 'versions', role: 'group', ariaLabel: 'View' },
      button('−', 'Show more', () => timeline.zoom(2, player.player.position)),
      button('+', 'Show less', () => timeline.zoom(0.5, player.player.position)),
      button('All', 'Show all', () => timeline.whole()));
    const controls = make('div', { className: 'player' }, start, versions, make('span', { className: 'time' }), zoom, loop);
    const part = recording.heard < recording.seconds - 0.01
      ? `Excerpt ${clock(recording.start)} to ${clock(recording.start + recording.heard)} of ${clock(recording.seconds)}`
      : `Whole recording, ${fine(recording.seconds)}`;
    const times = make('div', { className: 'times' });
    for (let i = 0; i <= 4; i++) times.append(make('span'));
    const scale = `colours from ${decimal(recording.scale[0])} to ${decimal(recording.scale[1])} dBFS`;
    const element = make('article', { className: 'card' },
      make('h2', { textContent: recording.name }),
      make('p', { className: 'muted', textContent: `${recording.format} · ${part} · ${scale}` }),
      ...recording.warnings.map((text) => make('p', { className: 'notice', textContent: text })),
      controls,
      make('div', { className: 'views' }, ...VERSIONS.map((version) => view(player, version))),
      times);
    element.addEventListener('pointerdown', () => choose(player));
    return element;
  };

  // Table.
  const COLUMNS = [
    ['Recording', (r) => r.name, null],
    ['Length', (r) => r.seconds, (r) => clock(r.seconds)],
    ['SNR gain, dB', (r) => gain(r.snr), (r) => signed(gain(r.snr))],
    ['SNR, dB', (r) => r.snr[0], (r) => r.snr],
    ['Noise floor, dBFS', (r) => r.floor[0], (r) => r.floor],
    ['Loudness, LUFS', (r) => r.lufs[0], (r) => r.lufs],
    ['True peak, dBTP', (r) => r.peak[0], (r) => r.peak],
  ];
  const body = document.querySelector('#table tbody');
  const rows = recordings.map((recording, number) => {
    const player = players[number];
    const row = make('tr');
    if (recording.error) {
      row.append(make('td', { textContent: recording.name }),
        make('td', { className: 'error', colSpan: COLUMNS.length - 1, textContent: recording.error.replace(`${recording.name}: `, '') }));
      return row;
    }
    const name = make('button', { type: 'button', textContent: recording.name });
    name.addEventListener('click', () => choose(player, true));
    row.append(make('td', {}, name));
    for (const [title, , text] of COLUMNS.slice(1)) {
      const shown = text(recording);
      const cell = make('td');
      if (Array.isArray(shown)) cell.append(decimal(shown[0]), make('span', { className: 'to', textContent: ' → ' }), decimal(shown[1]));
      else cell.textContent = shown;
      if (title.startsWith('SNR gain') && tenths(gain(recording.snr)) > 0) cell.className = 'good';
      row.append(cell);
    }
    player.row = row;
    return row;
  });
  const sort = (column, descending) => {
    const key = (number) => (recordings[number].error ? null : COLUMNS[column][1](recordings[number]));
    const order = rows.map((_, number) => number).sort((a, b) => {
      const [x, y] = [key(a), key(b)];
      // What is unknown stands at the end, either way.
      if (x === null || y === null) return (x === null) - (y === null) || a - b;
      const difference = typeof x === 'string' ? x.localeCompare(y, undefined, { numeric: true }) : x - y;
      return (descending ? -difference : difference) || a - b;
    });
    body.append(...order.map((number) => rows[number]));
  };
  const header = make('tr');
  COLUMNS.forEach(([title], column) => {
    const button = make('button', { type: 'button', textContent: title });
    const cell = make('th', { scope: 'col' }, button);
    button.addEventListener('click', () => {
      const descending = cell.ariaSort === 'ascending';
      for (const other of header.children) other.removeAttribute('aria-sort');
      cell.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
      sort(column, descending);
    });
    header.append(cell);
  });
  document.querySelector('#table thead').append(header);
  body.append(...rows);

  // Summary.
  const good = recordings.filter((recording) => !recording.error);
  const tile = (value, label) => byId('tiles').append(make('div', { className: 'tile' }, make('b', { textContent: value }), label));
  tile(String(good.length), good.length === 1 ? 'recording' : 'recordings');
  tile(clock(good.reduce((sum, recording) => sum + recording.seconds, 0)), 'of sound');
  const unit = (number) => (number === null ? '–' : `${signed(number)} dB`);
  tile(unit(median(good.map((recording) => gain(recording.snr)))), 'signal-to-noise ratio, median');
  tile(unit(median(good.map((recording) => gain(recording.floor)))), 'noise floor, median');
  if (good.length < recordings.length) tile(String(recordings.length - good.length), 'could not be read');

  for (const player of players) {
    if (!player) continue;
    player.card = card(player);
    byId('cards').append(player.card);
    show(player);
  }

  // Keys and switches.
  byId('match').addEventListener('change', () => {
    for (const player of players) player?.player.set({ match: byId('match').checked });
  });
  byId('theme').addEventListener('click', () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    root.dataset.theme = dark ? 'light' : 'dark';
  });
  const others = (step) => {
    const usable = players.filter((player) => player);
    const next = usable[usable.indexOf(chosen) + step];
    if (next) choose(next, true);
  };
  const NEXT = { ArrowUp: -1, ArrowDown: 1 };
  document.addEventListener('keydown', (event) => {
    if (!chosen || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = NEXT[event.key];
    if (step) others(step);
    else if (!press(event.key, chosen.player, chosen.timeline, () => toggle(chosen))) return;
    // A button that has the focus would be pressed too.
    event.preventDefault();
  });
})();
