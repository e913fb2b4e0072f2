// The scene of a podcaster, who has docs/web.md and a browser: its server is started as it says, and its steps are played as they stand.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { Browser } from './browser.mjs';

const { AEDEN_WEB, AEDEN_NOISY, CHROMIUM } = process.env;
const page = readFileSync(new URL('../../docs/web.md', import.meta.url), 'utf8');
const section = page.split(/^### /m).find((part) => part.startsWith('A podcast, step by step'));
const has = (program) => (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, program)));

/** The sentences of the numbered steps, in order. */
function sentences() {
  const steps = section.match(/^\d+\. .*(?:\n {3}.*)*/gm);
  return steps.flatMap((step) => step.replace(/^\d+\. /, '').replace(/\s+/g, ' ').split(/(?<=\.) /));
}

/** Levels of a recording, in dB, from its decoded samples: what a fifth of all tenths of a second is below, and a tenth above. */
function levels(path) {
  const raw = execFileSync('ffmpeg', ['-v', 'error', '-i', path, '-ac', '1', '-ar', '48000', '-f', 'f32le', '-'], { maxBuffer: 1 << 28 });
  const samples = new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength));
  const all = Array.from({ length: Math.floor(samples.length / 4800) }, (_, n) => {
    const part = samples.subarray(4800 * n, 4800 * (n + 1));
    return 10 * Math.log10(part.reduce((sum, x) => sum + x * x, 0) / part.length + 1e-12);
  }).sort((a, b) => a - b);
  return { pauses: all[Math.floor(all.length / 5)], speech: all[Math.floor(all.length * 0.9)], seconds: samples.length / 48_000 };
}

/** What a reader does who is told a sentence; what is for reading alone does nothing. */
const doing = [
  [/^Open <(.*)>\.$/, async (scene, address) => {
    for (let tries = 0; ; tries++) {
      if (await fetch(address).then(({ ok }) => ok, () => false)) break;
      assert.ok(tries < 600, `${address} does not answer`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    scene.page = await scene.browser.open(address);
    await scene.browser.send('Browser.setDownloadBehavior', { behavior: 'allow', downloadPath: scene.downloads });
  }],
  [/^Drop `(.*?)`/, async ({ page, folder }, name) => {
    const data = { items: [], files: [join(folder, name)], dragOperationsMask: 1 };
    for (const type of ['dragEnter', 'dragOver', 'drop']) await page.send('Input.dispatchDragEvent', { type, x: 40, y: 200, data });
  }],
  [/^Wait until the page says \*(.*)\*\.$/, ({ page }, text) => page.until((text) => {
    if (document.body.textContent.includes('failed')) throw new Error(document.body.textContent);
    return document.body.textContent.includes(text);
  }, text)],
  [/^Press ((?:\*\*.*?\*\*(?:, | and )?)+)/, async ({ page }, names) => {
    for (const [, name] of names.matchAll(/\*\*(.*?)\*\*/g)) {
      await page.until((name) => [...document.querySelectorAll('button')].some((button) => button.textContent === name), name);
      await page.run((name) => [...document.querySelectorAll('button')].find((button) => button.textContent === name).click(), name);
    }
  }],
  [/^Move \*\*(.*?)\*\* to (\d+)/, ({ page }, name, value) => page.run((name, value) => {
    const label = [...document.querySelectorAll('.card label')].find((label) => label.textContent.startsWith(name));
    label.control.value = value;
    label.control.dispatchEvent(new Event('input'));
  }, name, value)],
  [/downloads have `(.*)`\.$/, async (scene, name) => {
    scene.result = join(scene.downloads, name);
    const end = Date.now() + 60_000;
    while (!existsSync(scene.result) && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok(existsSync(scene.result), `no ${basename(scene.result)}`);
  }],
];

test('a podcaster cleans a talk by the page\'s own steps', async (t) => {
  for (const program of ['python3', 'ffmpeg']) if (!has(program)) return t.skip(`no ${program}`);
  const folder = mkdtempSync(join(tmpdir(), 'aeden-podcaster-'));
  const scene = { folder, downloads: join(folder, 'downloads'), browser: new Browser(CHROMIUM) };
  mkdirSync(scene.downloads);
  mkdirSync(join(folder, 'target'));
  symlinkSync(AEDEN_WEB, join(folder, 'target/web'));
  execFileSync('ffmpeg', ['-v', 'error', '-i', AEDEN_NOISY, '-b:a', '128k', join(folder, 'talk.mp3')]);
  const [, command] = section.match(/^```sh run\n(.*?)^```$/ms);
  const server = spawn('sh', ['-euc', `exec ${command}`], { cwd: folder, stdio: 'ignore' });
  try {
    let done = 0;
    for (const sentence of sentences()) {
      for (const [told, act] of doing) {
        const found = sentence.match(told);
        if (!found) continue;
        assert.equal(server.exitCode, null, 'the server has ended; another program may have its port');
        await act(scene, ...found.slice(1));
        done += 1;
      }
    }
    assert.ok(done >= 8, `${done} things were done`);
    assert.deepEqual(scene.page.errors.filter((text) => !text.includes('favicon')), []);
    const [before, after] = [join(folder, 'talk.mp3'), scene.result].map(levels);
    assert.ok(Math.abs(after.seconds - before.seconds) < 0.1, `${after.seconds} s of ${before.seconds}`);
    // At most 20 dB: the noise is lower, and still there.
    const lower = before.pauses - after.pauses;
    assert.ok(lower > 10 && lower < 22 && Math.abs(after.speech - before.speech) < 4, JSON.stringify({ before, after }));
  } finally {
    server.kill('SIGINT');
    await scene.browser.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
