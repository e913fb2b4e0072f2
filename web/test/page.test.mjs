// The page as people use it: files, keys, a narrow window, damaged files and hostile names.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Browser } from './browser.mjs';
import { Material, samples, wav } from './material.mjs';
import { serve } from './server.mjs';

const { AEDEN_WEB, AEDEN_REFERENCE, AEDEN_MODELS, AEDEN_NOISY, CHROMIUM } = process.env;
const material = new Material(AEDEN_REFERENCE, AEDEN_MODELS, AEDEN_NOISY);
const short = material.mono.slice(0, 2 * 48_000);
let browser, server;

before(async () => {
  server = await serve({ '': AEDEN_WEB });
  browser = new Browser(CHROMIUM);
});

after(async () => {
  await browser?.close();
  server?.close();
  material.remove();
});

/** Opens the page, runs a test in it, and sees that it broke no policy and asked nobody else for anything. */
async function onPage(work, size) {
  const page = await browser.open(`${server.origin}/`, size);
  await work(page);
  assert.deepEqual(await page.run(() => [...document.images].filter((image) => !image.naturalWidth).map((image) => image.src)), []);
  assert.deepEqual(page.errors, []);
  const others = page.requests.filter((url) => !/^(blob:|data:|about:)/.test(url) && !url.startsWith(`${server.origin}/`));
  assert.deepEqual(others, []);
  await page.close();
}

const states = (page) => page.run(() => [...document.querySelectorAll('.state')].map((e) => e.textContent));
const finished = (page, count) => page.until((count) => {
  const cards = [...document.querySelectorAll('.card')];
  return cards.length === count && cards.every((card) => /clean \(|failed|cancelled/.test(card.textContent));
}, count);

/** Lets the page take files with the quality `light`. */
async function clean(page, files, count = files.length, quality = 'light') {
  await page.run((quality) => { document.getElementById('quality').value = quality; }, quality);
  await page.choose('#files', files);
  await finished(page, count);
}

/** What is saved when a button is pressed, by the name that it is saved under. */
async function saved(page, press, count = 1) {
  await page.run(() => {
    globalThis.links = [];
    HTMLAnchorElement.prototype.click = function click() { globalThis.links.push({ name: this.download, href: this.href }); };
  });
  await page.run(press);
  await page.until((count) => globalThis.links.length === count, count);
  const files = await page.run(async () => {
    const read = async ({ name, href }) => {
      const file = await new Promise((resolve) => {
        // The page's policy lets nothing be fetched but from its server: the object is asked for by its address elsewhere.
        resolve(globalThis.blobs.get(href));
      });
      const bytes = new Uint8Array(await file.arrayBuffer());
      let text = '';
      for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
      return [name, btoa(text)];
    };
    return Promise.all(globalThis.links.map(read));
  });
  return new Map(files.map(([name, text]) => [name, Buffer.from(text, 'base64')]));
}

/** Remembers what is made into addresses. */
const remember = (page) => page.run(() => {
  globalThis.blobs = new Map();
  const make = URL.createObjectURL.bind(URL);
  URL.createObjectURL = (blob) => {
    const url = make(blob);
    globalThis.blobs.set(url, blob);
    return url;
  };
});

test('a WAV file comes back as it was but for its samples, and one press saves all', () => onPage(async (page) => {
  await remember(page);
  const chunk = Buffer.from('note\x05\0\0\0hello\0', 'latin1');
  const first = wav(44_100, [short, material.right.slice(0, short.length)], 16, chunk);
  const trailing = Buffer.concat([wav(48_000, [short]), Buffer.from('LIST\x04\0\0\0INFO', 'latin1')]);
  await clean(page, [material.write('first.wav', first), material.write('other.wav', trailing)]);
  const files = await saved(page, () => document.getElementById('save-all').click(), 2);
  assert.deepEqual([...files.keys()], ['first.clean.wav', 'other.clean.wav']);
  const [one, two] = files.values();
  assert.equal(one.length, first.length);
  const at = 36 + chunk.length + 8;
  assert.ok(one.subarray(0, at).equals(first.subarray(0, at)) && !one.equals(first));
  assert.equal(two.length, trailing.length);
  assert.ok(two.subarray(-12).equals(trailing.subarray(-12)));
  // And the samples are the library's.
  const found = samples(two.subarray(0, -12)).channels[0];
  const wanted = material.cleaned(48_000, [short], 'light', 'lead-in', { exact: false })[0];
  const energy = (list) => list.reduce((sum, x) => sum + x * x, 0);
  assert.ok(energy(wanted.map((x, n) => x - found[n])) < 1e-4 * energy(wanted));
}));

test('other formats become WAV of their rate, and a film gives its sound', async (t) => {
  const tools = (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, 'ffmpeg')));
  if (!tools) return t.skip('no ffmpeg to make them with');
  const source = material.write('source.wav', wav(44_100, [short], 16));
  const formats = ['flac', 'mp3', 'm4a', 'ogg', 'opus', 'mp4'];
  const files = formats.map((ending) => {
    const path = join(material.folder, `a ${ending}.${ending}`);
    const film = ending === 'mp4' ? ['-f', 'lavfi', '-i', 'color=s=64x64:d=2', '-pix_fmt', 'yuv420p'] : [];
    execFileSync('ffmpeg', ['-v', 'error', '-y', '-i', source, ...film, path], { stdio: 'pipe' });
    return path;
  });
  await onPage(async (page) => {
    await remember(page);
    await clean(page, files);
    const results = await saved(page, () => document.getElementById('save-all').click(), files.length);
    assert.deepEqual([...results.keys()], formats.map((ending) => `a ${ending}.clean.wav`));
    for (const [name, file] of results) {
      assert.equal(file.readUInt32LE(24), name.includes('opus') ? 48_000 : 44_100, name);
      assert.equal(file.readUInt16LE(34), name.includes('flac') ? 16 : 24, name);
    }
  });
});

test('what cannot be read is told, and the others go on', () => onPage(async (page) => {
  const whole = wav(48_000, [short], 16);
  const files = {
    'text.wav': Buffer.from('no sound'), 'nothing.mp3': Buffer.alloc(0), 'noise.m4a': Buffer.alloc(5000, 7),
    'head.wav': whole.subarray(0, 44), 'slow.wav': Buffer.from(whole).fill(0, 24, 28), 'cut.wav': whole.subarray(0, 60_001),
    'good.wav': whole,
  };
  await clean(page, Object.entries(files).map(([name, bytes]) => material.write(name, bytes)));
  const found = await states(page);
  for (const n of [0, 1, 2, 3, 4]) assert.match(found[n], /^failed: ./, found.join('\n'));
  assert.match(found[5], /^is clean \(light\)\. The file ends early/);
  assert.match(found[6], /^is clean/);
}));

test('a hostile name is a name', () => onPage(async (page) => {
  const name = '<img src=x onerror=globalThis.broken=1>.wav';
  await clean(page, [material.write(name, wav(48_000, [short], 16)), material.write(`"&'.wav`, Buffer.from('x'))]);
  assert.deepEqual(await page.run(() => [...document.querySelectorAll('h3')].map((e) => e.textContent)), [name, `"&'.wav`]);
  assert.equal(await page.run(() => globalThis.broken ?? document.querySelector('main img')), null);
}));

test('the keyboard alone cleans, plays, chooses and saves', () => onPage(async (page) => {
  await remember(page);
  // A file dialogue cannot be worked by keys in a test: the file is put in, all else is pressed.
  const focused = () => page.run(() => document.activeElement.id || document.activeElement.textContent);
  const seen = [];
  for (let n = 0; n < 20 && seen.at(-1) !== 'mic'; n++) {
    await page.press('Tab');
    seen.push(await focused());
  }
  assert.deepEqual(seen.slice(0, 3), ['theme', 'files', 'quality']);
  await clean(page, [material.write('keys.wav', wav(48_000, [short], 16))]);
  await page.run(() => document.getElementById('files').focus());
  const heard = () => page.run(() => document.querySelector('.versions [aria-pressed="true"]').textContent);
  await page.run(() => document.activeElement.blur());
  for (const [key, version] of [['a', 'Before'], ['b', 'After'], ['r', 'Removed'], ['x', 'Before'], ['x', 'After']]) {
    await page.press(key);
    assert.equal(await heard(), version, key);
  }
  await page.press(' ');
  await page.until(() => document.querySelector('.play').textContent.includes('Pause'));
  await page.until(() => !document.querySelector('.time').textContent.startsWith('0:00.0'));
  await page.press(' ');
  await page.until(() => document.querySelector('.play').textContent.includes('Play'));
  await page.press('ArrowLeft');
  assert.match(await page.run(() => document.querySelector('.time').textContent), /^0:00\.0 \/ 0:02\.0$/);
  await page.run(() => document.querySelector('.card input[type="range"]').focus());
  await page.press('ArrowLeft');
  assert.match(await page.run(() => document.querySelector('.card output').textContent), /at most 59 dB/);
  const pressed = async () => {
    for (let n = 0; n < 10; n++) {
      await page.press('Tab');
      if ((await focused()) === 'Save WAV') return;
    }
    assert.fail('there is no way to Save');
  };
  await pressed();
  await page.run(() => {
    globalThis.links = [];
    HTMLAnchorElement.prototype.click = function click() { globalThis.links.push(this.download); };
  });
  await page.press('Enter');
  assert.deepEqual(await page.run(() => globalThis.links), ['keys.clean.wav']);
}));

test('strength goes into what is saved, and matched loudness is the same loudness', () => onPage(async (page) => {
  await remember(page);
  await clean(page, [material.write('strength.wav', wav(48_000, [short]))]);
  const slide = (db) => page.run((db) => {
    const slider = document.querySelector('.card input[type="range"]');
    slider.value = db;
    slider.dispatchEvent(new Event('input'));
  }, db);
  await slide(12);
  const [file] = (await saved(page, () => document.querySelector('.card [aria-label^="Save"]').click())).values();
  const found = samples(file).channels[0];
  const wanted = material.cleaned(48_000, [short], 'light', 'lead-in', { exact: false, strength: 12 })[0];
  const energy = (list) => list.reduce((sum, x) => sum + x * x, 0);
  assert.ok(energy(wanted.map((x, n) => x - found[n])) < 1e-4 * energy(wanted));
  // BS.1770: a sine of 997 Hz at full scale in one channel is at -3.01 LUFS.
  const loudness = await page.run(async () => {
    const { measure } = await import('/loudness.js');
    const tone = Float32Array.from({ length: 480_000 }, (_, n) => Math.sin(2 * Math.PI * 997 * n / 48_000));
    const half = tone.map((x) => x / 2);
    const of = await measure(48_000, [tone], [half]);
    return [of(1, 0), of(0, 1), of(1, -2), of(0.5, 0.5)];
  });
  const near = (a, b) => Math.abs(a - b) < 0.05;
  assert.ok(near(loudness[0], -3.01) && near(loudness[1], -9.03) && near(loudness[3], -5.51), loudness.join());
}));

test('limits along frequency go into what is heard and saved, and what is no limit is told', () => onPage(async (page) => {
  await remember(page);
  const write = (id, text) => page.run((id, text) => {
    const field = document.getElementById(id);
    field.value = text;
    field.dispatchEvent(new Event('change'));
  }, id, text);
  const path = material.write('bands.wav', wav(48_000, [short]));
  await write('bands', '0:10, loud');
  await page.choose('#files', [path]);
  assert.match(await page.run(() => document.getElementById('status').textContent), /“loud” is no band/);
  assert.equal(await page.run(() => document.querySelectorAll('.card').length), 0);
  await write('bands', '0:4, 2000:30');
  await clean(page, [path]);
  assert.match(await page.run(() => document.querySelector('.card').textContent), /At most, by band: 0:4,2000:30/);
  const [file] = (await saved(page, () => document.querySelector('.card [aria-label^="Save"]').click())).values();
  const found = samples(file).channels[0];
  const energy = (list) => list.reduce((sum, x) => sum + x * x, 0);
  const apart = (options) => {
    const [wanted] = material.cleaned(48_000, [short], 'light', 'lead-in', { exact: false, ...options });
    return energy(wanted.map((x, n) => x - found[n])) / energy(wanted);
  };
  assert.ok(apart({ bands: [[0, 4], [2000, 30]] }) < 1e-4 && apart({}) > 1e-3, `${apart({})}`);
  await write('bands', '9:1, 3:1');
  await clean(page, [path], 2);
  assert.match((await states(page))[1], /^failed: bands: hertz that rise/);
}));

test('work can be cancelled and taken away', () => onPage(async (page) => {
  const long = new Float32Array(48_000 * 120).map((_, n) => short[n % short.length]);
  await page.choose('#files', [material.write('long.wav', wav(48_000, [long], 16)), material.write('next.wav', wav(48_000, [short], 16))]);
  await page.until(() => document.querySelector('progress')?.value > 0);
  await page.run(() => [...document.querySelectorAll('.card')].forEach((card) =>
    [...card.querySelectorAll('button')].find((button) => button.textContent === 'Cancel').click()));
  await finished(page, 2);
  assert.deepEqual(await states(page), ['was cancelled', 'was cancelled']);
  await page.run(() => [...document.querySelectorAll('[aria-label^="Remove"]')].forEach((button) => button.click()));
  assert.equal(await page.run(() => document.querySelectorAll('.card').length), 0);
}));

test('a window of 390 pixels holds all, in the dark too, and everything has a name', () => onPage(async (page) => {
  await clean(page, [material.write(`${'long-name-'.repeat(12)}.wav`, wav(48_000, [short], 16))]);
  await page.until(() => document.querySelector('[data-drawn]'));
  const wide = () => page.run(() => document.documentElement.scrollWidth);
  assert.ok((await wide()) <= 390, `${await wide()} pixels`);
  await page.prefer('dark');
  assert.notEqual(await page.run(() => getComputedStyle(document.body).backgroundColor), 'rgb(245, 246, 248)');
  await page.run(() => document.getElementById('theme').click());
  assert.equal(await page.run(() => getComputedStyle(document.body).backgroundColor), 'rgb(245, 246, 248)');
  const { nodes } = await page.send('Accessibility.getFullAXTree');
  const roles = ['button', 'checkbox', 'combobox', 'slider', 'progressbar', 'img', 'image', 'meter', 'list'];
  const nameless = nodes.filter((n) => !n.ignored && roles.includes(n.role?.value) && !n.name?.value?.trim());
  assert.deepEqual(nameless.map((n) => n.role.value), []);
}, { width: 390, height: 844 }));

test('a click into a spectrogram plays from there', () => onPage(async (page) => {
  await clean(page, [material.write('click.wav', wav(48_000, [material.mono], 16))]); // 9 s
  await page.until(() => document.querySelector('[data-drawn]'));
  const box = await page.run(() => {
    const figure = document.querySelector('.picture');
    figure.scrollIntoView({ block: 'center' });
    const { left, top, width, height } = figure.getBoundingClientRect();
    return { x: left + width / 2, y: top + height / 2 };
  });
  await page.click(box.x, box.y);
  await page.until(() => document.querySelector('.play').textContent.includes('Pause'));
  assert.match(await page.run(() => document.querySelector('.time').textContent), /^0:0[4-8]/);
  assert.equal(await page.run(() => document.querySelector('.versions [aria-pressed="true"]').textContent), 'Before');
}));

test('views are zoomed by keys and wheel, and a selection is played again and again', () => onPage(async (page) => {
  await clean(page, [material.write('zoom.wav', wav(48_000, [material.mono], 16))]); // 9 s
  await page.until(() => document.querySelector('[data-drawn]'));
  await page.run(() => document.activeElement.blur());
  const view = () => page.run(() => document.querySelector('.card').dataset.drawn.split(' ').map(Number));
  const drawn = (from, to) => page.until((from, to) => {
    const view = document.querySelector('.card').dataset.drawn.split(' ').map(Number);
    return Math.abs(view[0] - from) < 0.01 && Math.abs(view[1] - to) < 0.01;
  }, from, to);
  const [, end] = await view();
  await page.press('+');
  await drawn(0, end / 2);
  await page.press('+');
  await drawn(0, end / 4);
  await page.press('-');
  await drawn(0, end / 2);
  // The wheel zooms about the pointer, and with Shift it moves.
  const box = await page.run(() => {
    const figure = document.querySelector('.picture');
    figure.scrollIntoView({ block: 'center' });
    const { left, top, width, height } = figure.getBoundingClientRect();
    return { left, top: top + height / 2, width };
  });
  const at = (share) => ({ x: box.left + share * box.width, y: box.top });
  await page.send('Input.dispatchMouseEvent', { type: 'mouseWheel', ...at(0.5), deltaX: 0, deltaY: -100 });
  await drawn(end / 2 * 0.1, end / 2 * 0.9);
  await page.send('Input.dispatchMouseEvent', { type: 'mouseWheel', ...at(0.5), deltaX: 0, deltaY: 100, modifiers: 8 });
  await drawn(end / 2 * 0.2, end / 2);
  await page.press('0');
  await drawn(0, end);
  // A drag selects, and loops what it crosses.
  await page.send('Input.dispatchMouseEvent', { type: 'mousePressed', ...at(0.5), button: 'left', clickCount: 1 });
  for (const share of [0.52, 0.55]) await page.send('Input.dispatchMouseEvent', { type: 'mouseMoved', ...at(share), button: 'left', buttons: 1 });
  await page.send('Input.dispatchMouseEvent', { type: 'mouseReleased', ...at(0.55), button: 'left', clickCount: 1 });
  await page.until(() => document.querySelector('.play').textContent.includes('Pause'));
  const seconds = () => page.run(() => Number(document.querySelector('.time').textContent.split(' ')[0].split(':')[1]));
  const places = [];
  for (let n = 0; n < 40; n++) {
    places.push(await seconds());
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const [first, last] = [Math.floor(end * 5) / 10, Math.ceil(end * 5.5) / 10];
  assert.ok(places.every((place) => place >= first - 0.1 && place <= last), `${places} of ${first} to ${last}`);
  assert.ok(places.some((place, n) => place < places[n - 1]), `it went round: ${places}`);
  assert.equal(await page.run(() => [...document.querySelectorAll('button')].find((b) => b.textContent === 'Loop').ariaPressed), 'true');
  assert.equal(await page.run(() => document.querySelector('.chosen-part').hidden), false);
  await page.press('Escape');
  await page.until(() => document.querySelector('.chosen-part').hidden);
  await page.press(' ');
  // By keys alone: from here, to there.
  await page.press('ArrowLeft');
  await page.press('[');
  await page.press('l');
  assert.equal(await page.run(() => [...document.querySelectorAll('button')].find((b) => b.textContent === 'Loop').ariaPressed), 'true');
}));

test('all versions are as loud as before, also what was removed', () => onPage(async (page) => {
  const gains = await page.run(async () => {
    const { Player } = await import('/player.js');
    // Loudness as a player asks for it: before at -20 LUFS, after at -30, removed at -21, and far below at -80.
    const player = new Player({ duration: 1, changed() {}, load: async () => ({
      sounds: [0, 1].map(() => new AudioBuffer({ length: 48_000, sampleRate: 48_000 })),
      loudness: (u, v) => (u ? (v ? -21 : -20) : -30),
    }) });
    await player.play();
    player.pause();
    const of = (settings) => { player.set(settings); return player.gains(); };
    return [of({ version: 'before' }), of({ version: 'after' }), of({ version: 'removed' }), of({ match: false })];
  });
  const near = (found, wanted) => found.every((x, n) => Math.abs(x - wanted[n]) < 1e-6);
  assert.ok(near(gains[0], [1, 0]) && near(gains[1], [0, 10 ** 0.5]), JSON.stringify(gains));
  assert.ok(near(gains[2], [10 ** 0.05, -(10 ** 0.05)]) && near(gains[3], [1, -1]), JSON.stringify(gains));
}));

test('the microphone is tried: it starts, is cleaned, obeys and stops', () => onPage(async (page) => {
  const press = () => page.run(() => document.getElementById('mic').click());
  const status = () => page.run(() => document.getElementById('mic-status').textContent);
  await press();
  await page.until(() => document.getElementById('mic-status').textContent.startsWith('On'));
  assert.match(await status(), /^On, high: \d+ ms of latency, \d+ ms with/);
  await page.until(() => document.getElementById('mic-before').value > -80); // the browser's own microphone beeps
  await page.run(() => {
    const quality = document.getElementById('mic-quality');
    quality.value = 'light';
    quality.dispatchEvent(new Event('change'));
  });
  await page.until(() => document.getElementById('mic-status').textContent.startsWith('On, light: '));
  const band = (text) => page.run((text) => {
    const field = document.getElementById('mic-bands');
    field.value = text;
    field.dispatchEvent(new Event('change'));
    return [field.getAttribute('aria-invalid'), document.getElementById('mic-status').textContent];
  }, text);
  assert.deepEqual((await band('0:10, 2000:30'))[0], null);
  for (const text of ['0:10:3', '5:1, 4:1']) {
    const [invalid, said] = await band(text);
    assert.ok(invalid === 'true' && /band/.test(said), said);
  }
  await press();
  await page.until(() => document.getElementById('mic-status').textContent === 'Off.');
  assert.equal(await page.run(() => document.getElementById('mic-panel').hidden), true);
}));
