// The track processor as LiveKit uses one: by a fake of what LiveKit does with it, and by LiveKit's own types.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Browser } from './browser.mjs';
import { serve } from './server.mjs';

const { AEDEN_WEB, AEDEN_SCRATCH, CHROMIUM } = process.env;
let browser, server;

before(async () => {
  server = await serve({ '': AEDEN_WEB });
  browser = new Browser(CHROMIUM);
});

after(async () => {
  await browser?.close();
  server?.close();
});

test('a processor cleans a track, takes another one, and leaves nothing running', async () => {
  const page = await browser.open(`${server.origin}/aeden/examples/microphone.html`);
  const found = await page.run(async () => {
    const { AedenProcessor } = await import('/aeden/livekit.js');
    const audioContext = new AudioContext({ sampleRate: 48_000 });
    const tone = () => {
      const source = new OscillatorNode(audioContext, { frequency: 440 });
      const out = new MediaStreamAudioDestinationNode(audioContext, { channelCount: 1 });
      source.connect(out);
      source.start();
      return out.stream.getAudioTracks()[0];
    };
    /** As LocalAudioTrack.setProcessor of livekit-client does it, with a sender that keeps what it is given. */
    const sent = [];
    const lives = async (processor, context) => {
      await processor.init({ kind: 'audio', track: tone(), audioContext: context });
      sent.push(processor.processedTrack);
      const [first, live] = [processor.processedTrack, processor.processedTrack.readyState];
      processor.processedTrack.addEventListener('enable-lk-krisp-noise-filter', () => {}, { once: true });
      processor.node.bypass = true;
      await new Promise((resolve) => setTimeout(resolve, 500));
      const before = await processor.node.meters();
      await processor.restart({ kind: 'audio', track: tone(), audioContext: context });
      const same = processor.processedTrack === first;
      await processor.node.meters();
      await new Promise((resolve) => setTimeout(resolve, 500));
      const after = await processor.node.meters();
      await processor.destroy();
      return { live, same, before: before.outputRms, after: after.outputRms, ended: first.readyState, gone: processor.processedTrack === undefined };
    };
    const all = {
      name: new AedenProcessor().name,
      given: await lives(new AedenProcessor({ quality: 'light' }), audioContext),
      own: await lives(new AedenProcessor({ quality: 'light' })),
      context: audioContext.state,
    };
    const wrong = new AedenProcessor({ quality: 'best' });
    all.refused = await wrong.init({ kind: 'audio', track: tone(), audioContext }).then(() => 'taken', (error) => error.message);
    all.nothing = wrong.processedTrack === undefined && wrong.node === null;
    // Calls that do not wait for each other.
    const quick = new AedenProcessor({ quality: 'light' });
    await Promise.all([quick.init({ track: tone(), audioContext }), quick.restart({ track: tone(), audioContext }), quick.destroy()]);
    all.quick = quick.processedTrack === undefined && quick.node === null;
    await quick.destroy();
    await audioContext.close();
    return all;
  });
  const text = JSON.stringify(found);
  assert.equal(found.name, 'aeden');
  for (const one of [found.given, found.own]) {
    assert.ok(one.live === 'live' && one.same && one.before > 0.1 && one.after > 0.1 && one.ended === 'ended' && one.gone, text);
  }
  assert.equal(found.context, 'running', text);
  assert.match(found.refused, /both directions/);
  assert.ok(found.nothing && found.quick, text);
  assert.deepEqual(page.errors, []);
  await page.close();
});

test('the example cleans a microphone', async () => {
  const page = await browser.open(`${server.origin}/aeden/examples/microphone.html`);
  await page.run(() => document.getElementById('start').click());
  await page.until(() => /^On, \d+ ms/.test(document.getElementById('said').textContent));
  assert.deepEqual(page.errors, []);
  await page.close();
});

test('LiveKit takes the processor by its types, and strict TypeScript all others', (t) => {
  const folder = join(AEDEN_SCRATCH, 'types');
  mkdirSync(folder, { recursive: true });
  const npm = ['install', '--silent', '--no-audit', '--no-fund', '--ignore-scripts', '--prefix', folder];
  try {
    execFileSync('npm', [...npm, 'livekit-client@2', 'typescript@5'], { stdio: 'pipe' });
  } catch (error) {
    return t.skip(`npm gives neither livekit-client nor TypeScript here: ${String(error.stderr ?? error).split('\n')[0]}`);
  }
  writeFileSync(join(folder, 'use.ts'), `
    import type { AudioProcessorOptions, LocalAudioTrack, Track, TrackProcessor } from 'livekit-client';
    import { AedenProcessor } from '${join(AEDEN_WEB, 'aeden/livekit')}';
    import { clean, AedenNode } from '${join(AEDEN_WEB, 'aeden/aeden')}';
    import { Instance } from '${join(AEDEN_WEB, 'aeden/instance')}';
    export const processor: TrackProcessor<Track.Kind.Audio, AudioProcessorOptions> = new AedenProcessor({ quality: 'high' });
    export async function use(track: LocalAudioTrack): Promise<void> {
      await track.setProcessor(processor);
    }
    export { clean, AedenNode, Instance };
  `);
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--target', 'es2022', '--module', 'esnext', '--moduleResolution', 'bundler'];
  const tsc = join(folder, 'node_modules/typescript/bin/tsc');
  try {
    execFileSync(process.execPath, [tsc, ...options, join(folder, 'use.ts')], { stdio: 'pipe' });
  } catch (error) {
    assert.fail(String(error.stdout));
  }
});
