// The page of `aeden web`, with the program itself behind it: films come back whole, what is saved is what `aeden clean` writes.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Browser } from './browser.mjs';
import { Material, wav } from './material.mjs';

const { AEDEN_MODELS, AEDEN_NOISY, AEDEN_PROGRAM, CHROMIUM } = process.env;
const material = new Material('', AEDEN_MODELS, AEDEN_NOISY);
const scratch = join(material.folder, 'scratch');
const saved = join(material.folder, 'saved');
const short = material.mono.slice(0, 2 * 48_000);
const hasFfmpeg = (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, 'ffmpeg')));
let browser;

before(() => {
  for (const folder of [scratch, saved]) mkdirSync(folder);
  browser = new Browser(CHROMIUM);
});

after(async () => {
  await browser?.close();
  material.remove();
});

/** Starts the program, opens its page, and sees that all ends well: no errors, nobody else asked, nothing left. */
async function served(files, work, size) {
  const program = spawn(AEDEN_PROGRAM, ['web', '--no-open', '--quiet', '--scratch', scratch, ...files], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => program.on('exit', resolve));
  const address = await new Promise((resolve) => program.stdout.once('data', (line) => resolve(String(line).trim())));
  try {
    const page = await browser.open(address, size);
    await browser.send('Browser.setDownloadBehavior', { behavior: 'allow', downloadPath: saved });
    await work(page, program);
    assert.deepEqual(page.errors, []);
    const others = page.requests.filter((url) => !url.startsWith(address) && !/^(data|about|blob):/.test(url));
    assert.deepEqual(others, []);
    await page.close();
  } finally {
    program.kill('SIGINT');
  }
  assert.equal(await ended, 0);
  assert.deepEqual(readdirSync(scratch), []);
}

const finished = (page, count) => page.until((count) => {
  const cards = [...document.querySelectorAll('.card')];
  return cards.length === count && cards.every((card) => /is clean \(|failed|was cancelled/.test(card.textContent));
}, count);

/** Presses the button of a card, and waits for the file. */
async function save(page, number, name) {
  const path = join(saved, name);
  rmSync(path, { force: true });
  await page.run((number) => document.querySelectorAll('.card')[number].querySelector('[aria-label^="Save"]').click(), number);
  const end = Date.now() + 120_000;
  while (!existsSync(path) && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 50));
  await page.until(() => !/being saved|waits for its turn to be saved/.test(document.body.textContent));
  return readFileSync(path);
}

test('a film that is dropped comes back whole, with its picture as it was', async (t) => {
  if (!hasFfmpeg) return t.skip('no ffmpeg to make a film with');
  const sound = material.write('sound.wav', wav(48_000, [short], 16));
  const film = join(material.folder, 'my film.mp4');
  const source = ['-v', 'error', '-y', '-f', 'lavfi', '-i', 'testsrc=s=96x64:d=2:r=10', '-i', sound];
  execFileSync('ffmpeg', [...source, '-c:v', 'mpeg4', '-c:a', 'aac', film]);
  await served([], async (page) => {
    // Dropped as from a folder.
    const { left, top } = await page.run(() => {
      const { left, top } = document.getElementById('drop').getBoundingClientRect();
      return { left: left + 20, top: top + 20 };
    });
    const data = { items: [], files: [film], dragOperationsMask: 1 };
    for (const type of ['dragEnter', 'dragOver', 'drop']) {
      await page.send('Input.dispatchDragEvent', { type, x: left, y: top, data });
    }
    await finished(page, 1);
    const result = await save(page, 0, 'my film.clean.mp4');
    const out = material.write('out.mp4', result);
    const picture = (file) => String(execFileSync('ffmpeg', ['-v', 'error', '-i', file, '-map', '0:v', '-c', 'copy', '-f', 'md5', '-']));
    assert.equal(picture(out), picture(film));
    const probe = ['-v', 'error', '-show_entries', 'stream=codec_name', '-of', 'csv=p=0', out];
    assert.match(String(execFileSync('ffprobe', probe)), /mpeg4\s+aac/);
    // There is no microphone here, and the page does not promise what it does not do.
    assert.ok(await page.run(() => document.getElementById('mic').closest('section').hidden));
  });
});

test('a film of a phone keeps its turn, its time and place, and its picture', async (t) => {
  if (!hasFfmpeg) return t.skip('no ffmpeg to make a film with');
  const sound = material.write('phone.wav', wav(44_100, [short, short], 16));
  const upright = join(material.folder, 'upright.mov');
  const film = join(material.folder, 'IMG_0042.MOV');
  const source = ['-v', 'error', '-y', '-f', 'lavfi', '-i', 'testsrc=s=160x96:d=2:r=30', '-i', sound, '-c:v', 'libx264', '-pix_fmt', 'yuv420p'];
  execFileSync('ffmpeg', [...source, '-c:a', 'aac', upright]);
  const about = ['creation_time=2026-11-30T12:00:00Z', 'com.apple.quicktime.location.ISO6709=+52.5-013.4/', 'com.apple.quicktime.make=Phone'];
  const told = ['-movflags', 'use_metadata_tags', ...about.flatMap((tag) => ['-metadata', tag])];
  execFileSync('ffmpeg', ['-v', 'error', '-y', '-i', upright, '-c', 'copy', '-metadata:s:v:0', 'rotate=90', ...told, film]);
  const probe = (file) => JSON.parse(execFileSync('ffprobe', ['-v', 'error', '-of', 'json', '-show_format', '-show_streams', file]));
  const turn = (file) => probe(file).streams.find((stream) => stream.codec_type === 'video').side_data_list?.[0].rotation;
  const picture = (file) => String(execFileSync('ffmpeg', ['-v', 'error', '-i', file, '-map', '0:v', '-c', 'copy', '-f', 'md5', '-']));
  assert.ok(Math.abs(turn(film)) === 90, 'this ffmpeg turned no film');
  await served([], async (page) => {
    await page.choose('#files', [film]);
    await finished(page, 1);
    const out = material.write('phone.mov', await save(page, 0, 'IMG_0042.clean.MOV'));
    assert.equal(turn(out), turn(film));
    assert.equal(picture(out), picture(film));
    for (const tag of about.map((tag) => tag.split('=')[0])) assert.equal(probe(out).format.tags[tag], probe(film).format.tags[tag], tag);
  }, { width: 390, height: 844 });
});

test('what the command names is there, is cleaned by best, and what is saved at a strength is what clean writes', async () => {
  const file = material.write('talk.wav', wav(44_100, [short, short], 16));
  for (const [name, limit] of [['whole', []], ['weak', ['--limit', '12']]]) {
    execFileSync(AEDEN_PROGRAM, ['clean', '-q', file, join(material.folder, `${name}.wav`), ...limit]);
  }
  const wanted = (name) => readFileSync(join(material.folder, `${name}.wav`));
  await served([file], async (page) => {
    await finished(page, 1);
    assert.match(await page.run(() => document.querySelector('.state').textContent), /^is clean \(best\)$/);
    assert.ok((await save(page, 0, 'talk.clean.wav')).equals(wanted('whole')));
    await page.until(() => document.querySelector('[data-drawn]'));
    // What is heard at a strength is what is saved at it, but for the dither of 16 bits.
    await page.run(() => {
      const slider = document.querySelector('.card input[type="range"]');
      slider.value = 12;
      slider.dispatchEvent(new Event('input'));
    });
    assert.ok((await save(page, 0, 'talk.clean.wav')).equals(wanted('weak')));
    // Loaded again, the page has what the program has.
    const loaded = page.once('Page.loadEventFired');
    await page.send('Page.reload');
    await loaded;
    await finished(page, 1);
    await page.run(() => document.querySelector('[aria-label^="Remove"]').click());
    assert.equal(await page.run(() => document.querySelectorAll('.card').length), 0);
  });
  assert.ok(existsSync(file));
});

test('limits along frequency are those of clean, and the page has them when it is loaded again', async () => {
  const file = material.write('banded.wav', wav(48_000, [short], 16));
  const wanted = join(material.folder, 'wanted.wav');
  execFileSync(AEDEN_PROGRAM, ['clean', '-q', '--quality', 'light', '--bands', '0:10,2000:30', file, wanted]);
  await served([], async (page) => {
    await page.run(() => {
      document.getElementById('quality').value = 'light';
      document.getElementById('bands').value = '0:10, 2000:30';
    });
    await page.choose('#files', [file]);
    await finished(page, 1);
    assert.ok((await save(page, 0, 'banded.clean.wav')).equals(readFileSync(wanted)));
    const loaded = page.once('Page.loadEventFired');
    await page.send('Page.reload');
    await loaded;
    await finished(page, 1);
    assert.match(await page.run(() => document.querySelector('.card').textContent), /is clean \(light\).*At most, by band: 0:10,2000:30/s);
    assert.ok((await save(page, 0, 'banded.clean.wav')).equals(readFileSync(wanted)));
  });
});

test('broken and hostile files are told, work is cancelled, and the others go on', async () => {
  const long = new Float32Array(48_000 * 300).map((_, n) => short[n % short.length]);
  const hostile = '<img src=x onerror=globalThis.broken=1>.wav';
  const files = [
    material.write('film.mp4', Buffer.alloc(5000, 7)), material.write('long.wav', wav(48_000, [long], 16)),
    material.write(hostile, wav(48_000, [short], 16)), material.write('empty.wav', wav(48_000, [short.slice(0, 0)], 16)),
  ];
  await served([], async (page) => {
    await page.choose('#files', files);
    await page.until(() => document.querySelectorAll('.card')[1]?.querySelector('progress:not([hidden])')?.value > 0);
    await page.run(() => document.querySelectorAll('.card')[1].querySelector('[aria-label^="Cancel"]').click());
    await finished(page, 4);
    const found = await page.run(() => [...document.querySelectorAll('.state')].map((e) => e.textContent));
    assert.match(found[0], /^failed: ./, found.join('\n'));
    assert.ok(!found[0].includes('scratch') && !found[0].includes('recording.mp4'), found[0]);
    assert.equal(found[1], 'was cancelled');
    assert.match(found[2], /^is clean/);
    assert.match(found[3], /^failed: there are no samples/);
    assert.deepEqual(await page.run(() => [...document.querySelectorAll('h3')].map((e) => e.textContent)), ['film.mp4', 'long.wav', hostile, 'empty.wav']);
    assert.equal(await page.run(() => globalThis.broken ?? document.querySelector('main img')), null);
    // A refused request is an error in the browser's log too; there was none.
    page.errors = page.errors.filter((text) => !/AbortError/.test(text));
  }, { width: 390, height: 844 });
});

test('what is cancelled on its way to the program leaves nothing, and can be removed', async () => {
  const long = new Float32Array(48_000 * 60).map((_, n) => short[n % short.length]);
  await served([], async (page) => {
    // Slow enough to be met on the way.
    await page.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 500_000 });
    await page.choose('#files', [material.write('long.wav', wav(48_000, [long], 16))]);
    await page.until(() => /is handed to aeden/.test(document.body.textContent) && document.querySelector('progress').value > 0);
    await page.run(() => document.querySelector('[aria-label^="Cancel"]').click());
    await finished(page, 1);
    assert.equal(await page.run(() => document.querySelector('.state').textContent), 'was cancelled');
    await page.run(() => document.querySelector('[aria-label^="Remove"]').click());
    assert.equal(await page.run(() => document.querySelectorAll('.card').length), 0);
    assert.deepEqual(await page.run(async () => (await fetch('recordings')).json()), []);
  });
});

test('a page whose program has ended says so', async () => {
  await served([], async (page, program) => {
    program.kill('SIGINT');
    await new Promise((resolve) => program.on('exit', resolve));
    await page.choose('#files', [material.write('late.wav', wav(48_000, [short], 16))]);
    await finished(page, 1);
    assert.match(await page.run(() => document.querySelector('.state').textContent), /aeden web has ended; start it again/);
    page.errors = [];
  });
});
