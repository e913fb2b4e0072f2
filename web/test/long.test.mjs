// What takes long, or much: minutes of a microphone, fifty files, an hour of MP3. AEDEN_WEB_MINUTES and AEDEN_WEB_FILES lengthen it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Browser } from './browser.mjs';
import { Material, wav } from './material.mjs';
import { serve } from './server.mjs';

const { AEDEN_WEB, AEDEN_MODELS, AEDEN_NOISY, CHROMIUM } = process.env;
const asked = 'AEDEN_WEB_MINUTES' in process.env;
const minutes = Number(process.env.AEDEN_WEB_MINUTES ?? 0.2);
const count = Number(process.env.AEDEN_WEB_FILES ?? 10);
const soundMinutes = Number(process.env.AEDEN_WEB_SOUND_MINUTES ?? 2);
const material = new Material('', AEDEN_MODELS, AEDEN_NOISY);
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

test(`${minutes} minutes of a microphone, and another network now and then: no block is lost`, async (t) => {
  const page = await browser.open(`${server.origin}/`);
  const found = await page.run(async (minutes) => {
    const { AedenNode } = await import('/aeden/aeden.js');
    const stream = await navigator.mediaDevices.getUserMedia({ audio: { noiseSuppression: false, echoCancellation: false, autoGainControl: false } });
    // As late as a call allows: a machine that others use too is not to decide.
    const context = new AudioContext({ sampleRate: 48_000, latencyHint: 'playback' });
    const node = await AedenNode.create(context, { quality: 'light' });
    const source = new MediaStreamAudioSourceNode(context, { mediaStream: stream });
    source.connect(node).connect(context.destination);
    await context.resume();
    const [start, from] = [performance.now(), context.currentTime];
    const meters = [];
    const networks = ['high', 'light'];
    while (performance.now() - start < minutes * 60_000) {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      meters.push(await node.meters());
      if (meters.length % 5 === 0) await node.setQuality(networks[(meters.length / 5) % 2]);
    }
    const [passed, sounded] = [(performance.now() - start) / 1000, context.currentTime - from];
    const heard = meters.filter((m) => m.inputPeak > 0).length;
    const { underrunEvents, underrunDuration } = context.playbackStats ?? {};
    const result = {
      passed, sounded, heard, asked: meters.length, underrunEvents, underrunDuration,
      wrong: meters.filter((m) => !Number.isFinite(m.outputRms)).length,
    };
    await context.close();
    stream.getTracks().forEach((track) => track.stop());
    return result;
  }, minutes);
  t.diagnostic(JSON.stringify(found));
  assert.equal(found.wrong, 0);
  assert.ok(found.heard > 0.5 * found.asked, 'the microphone was heard');
  // Whether a block comes in time is for the machine to say: only who asks for minutes has a machine for it.
  if (!asked) t.diagnostic('late blocks count only where AEDEN_WEB_MINUTES is set');
  else assert.equal(found.underrunEvents, 0);
  await page.close();
});

test(`memory after ${count} recordings is that after the first few`, async () => {
  const page = await browser.open(`${server.origin}/`);
  const file = material.write('one.wav', wav(48_000, [material.mono], 16));
  await page.run(() => { document.getElementById('quality').value = 'light'; });
  await page.send('HeapProfiler.enable', {});
  const sizes = [];
  for (let n = 0; n < count; n++) {
    await page.choose('#files', [file]);
    await page.until(() => /is clean \(/.test(document.querySelector('.card')?.textContent) && document.querySelector('[data-drawn]'));
    await page.run(() => document.querySelector('[aria-label^="Remove"]').click());
    await page.until(() => !document.querySelector('.card'));
    await page.send('HeapProfiler.collectGarbage', {});
    const { usedSize, backingStorageSize = 0 } = await page.send('Runtime.getHeapUsage', {});
    sizes.push((usedSize + backingStorageSize) / 1e6);
  }
  // One recording is 3.5 MB before and after; nothing of it may stay.
  assert.ok(sizes.at(-1) < sizes[2] + 2, `${sizes.map((x) => x.toFixed(1)).join(' ')} MB`);
  await page.close();
});

test(`${soundMinutes} minutes of MP3 are cleaned whole`, async (t) => {
  const tools = (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, 'ffmpeg')));
  if (!tools) return t.skip('no ffmpeg to make it with');
  const path = join(material.folder, 'long.mp3');
  const length = String(60 * soundMinutes);
  execFileSync('ffmpeg', ['-v', 'error', '-y', '-stream_loop', '-1', '-i', AEDEN_NOISY, '-t', length, '-ar', '44100', '-b:a', '64k', path]);
  const page = await browser.open(`${server.origin}/`);
  await page.run(() => { document.getElementById('quality').value = 'light'; });
  await page.choose('#files', [path]);
  const end = Date.now() + Math.max(120, 60 * soundMinutes) * 1000;
  const done = () => page.run(() => /is clean \(|failed/.test(document.querySelector('.state')?.textContent));
  while (!(await done()) && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 500));
  assert.match(await page.run(() => document.querySelector('.state').textContent), /^is clean/);
  const shown = await page.run(() => document.querySelector('.time').textContent);
  const [whole, seconds] = shown.split(' / ')[1].split(':').map(Number);
  assert.ok(Math.abs(60 * whole + seconds - 60 * soundMinutes) < 0.3, shown);
  await page.close();
});
