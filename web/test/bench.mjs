// Sizes, and times of a frame of 10 ms beside the RNNoise packages from npm, all in one page and in turns: on a machine that does
// other work too, ratios hold where times do not. `cargo xtask web --bench` calls it with the folder of those packages.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Browser } from './browser.mjs';
import { Material } from './material.mjs';
import { serve } from './server.mjs';

const { AEDEN_WEB, AEDEN_MODELS, AEDEN_NOISY, CHROMIUM } = process.env;
const peers = process.argv[2];

const files = {
  'aeden.wasm (with light)': join(AEDEN_WEB, 'aeden/aeden.wasm'),
  'high.safetensors': join(AEDEN_WEB, 'aeden/high.safetensors'),
  'best.safetensors': join(AEDEN_WEB, 'aeden/best.safetensors'),
  'aeden.js, worker.js, worklet.js, instance.js': ['aeden', 'worker', 'worklet', 'instance'].map((n) => join(AEDEN_WEB, `aeden/${n}.js`)),
  '@jitsi/rnnoise-wasm, rnnoise-sync.js': join(peers, '@jitsi/rnnoise-wasm/dist/rnnoise-sync.js'),
  '@shiguredo/rnnoise-wasm, rnnoise.js': join(peers, '@shiguredo/rnnoise-wasm/dist/rnnoise.js'),
};
console.log('| file | bytes | gzip -9 |\n|---|---:|---:|');
for (const [name, paths] of Object.entries(files)) {
  const all = [paths].flat().map((path) => readFileSync(path));
  const sum = (of) => all.reduce((total, bytes) => total + of(bytes), 0).toLocaleString('en');
  console.log(`| ${name} | ${sum((b) => b.length)} | ${sum((b) => gzipSync(b, { level: 9 }).length)} |`);
}

const material = new Material('', AEDEN_MODELS, AEDEN_NOISY);
material.write('empty.html', '<!DOCTYPE html><html lang="en"><link rel="icon" href="data:,"><title>empty</title>');
material.raw('in.f32', [material.mono]);
// An isolated page has the finer clock.
const isolated = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };
const server = await serve({ '': AEDEN_WEB, material: material.folder, peers }, isolated);
const browser = new Browser(CHROMIUM);
const page = await browser.open(`${server.origin}/material/empty.html`);
const found = await page.run(async () => {
  const { Instance } = await import('/aeden/instance.js');
  const bytes = async (path) => (await fetch(path)).arrayBuffer();
  const module = await WebAssembly.compile(await bytes('/aeden/aeden.wasm'));
  const sound = new Float32Array(await bytes('/material/in.f32'));
  const frames = Array.from({ length: Math.floor(sound.length / 480) }, (_, n) => sound.slice(480 * n, 480 * (n + 1)));

  const ours = async (quality) => {
    const instance = new Instance(module);
    instance.model(quality === 'light' ? null : await bytes(`/aeden/${quality}.safetensors`));
    instance.stream(48_000, 1);
    return (frame) => {
      instance.channels[0].set(frame);
      instance.wasm.aeden_process(480);
    };
  };
  const jitsi = async () => {
    const { default: create } = await import('/peers/@jitsi/rnnoise-wasm/dist/rnnoise-sync.js');
    const rnnoise = create();
    const [state, at] = [rnnoise._rnnoise_create(), rnnoise._malloc(4 * 480)];
    return (frame) => {
      rnnoise.HEAPF32.set(frame, at / 4);
      rnnoise._rnnoise_process_frame(state, at, at);
    };
  };
  const shiguredo = async () => {
    const { Rnnoise } = await import('/peers/@shiguredo/rnnoise-wasm/dist/rnnoise.js');
    const state = (await Rnnoise.load()).createDenoiseState();
    return (frame) => state.processFrame(frame);
  };
  // RNNoise takes full scale as 32768.
  const loud = frames.map((frame) => frame.map((x) => 32768 * x));
  const problems = [];
  const all = [];
  for (const [name, make, input] of [
    ['aeden light', () => ours('light'), frames], ['aeden high', () => ours('high'), frames],
    ['@jitsi/rnnoise-wasm', jitsi, loud], ['@shiguredo/rnnoise-wasm', shiguredo, loud],
  ]) {
    try {
      all.push({ name, input, process: await make(), times: [] });
    } catch (error) {
      problems.push(`${name}: ${error.message}`);
    }
  }
  for (const { input, process } of all) input.slice(0, 300).forEach(process); // until everything has been compiled
  // Frame by frame: every one of 10 ms begins a hop of each, and is short enough that other programs seldom come between.
  for (let n = 300; n < 1500; n++) {
    for (const { input, process, times } of all) {
      const frame = input[n % input.length];
      const start = performance.now();
      process(frame);
      times.push(performance.now() - start);
    }
    if (n % 20 === 0) await new Promise((resolve) => setTimeout(resolve));
  }
  // A recording in a worker.
  const { clean } = await import('/aeden/aeden.js');
  const speed = {};
  for (const quality of ['light', 'high', 'best']) {
    const start = performance.now();
    await clean({ rate: 48_000, channels: [sound] }, { quality });
    speed[quality] = sound.length / 48 / (performance.now() - start);
  }
  return { problems, speed, times: all.map(({ name, times }) => ({ name, times: times.sort((a, b) => a - b) })) };
});
await browser.close();
server.close();
material.remove();

found.problems.forEach((problem) => console.log(`skipped: ${problem}`));
console.log(`\n${found.times[0].times.length} frames of 10 ms in turns, ms a frame:\n`);
const peersFound = found.times.filter(({ name }) => name.startsWith('@'));
console.log(`| | fastest tenth | median |${peersFound.map(({ name }) => ` × ${name} |`).join('')}\n|---|---:|---:|${'---:|'.repeat(peersFound.length)}`);
const tenth = (times) => times[Math.floor(times.length / 10)];
for (const { name, times } of found.times) {
  const ratios = peersFound.map((peer) => ` ${(tenth(times) / tenth(peer.times)).toFixed(2)} |`).join('');
  console.log(`| ${name} | ${tenth(times).toFixed(3)} | ${times[times.length >> 1].toFixed(3)} |${ratios}`);
}
const speeds = Object.entries(found.speed).map(([quality, speed]) => `${quality} ${speed.toFixed(1)}`);
console.log(`\nA recording of ${(material.mono.length / 48_000).toFixed(0)} s in a worker, with its start, × real time: ${speeds.join(', ')}`);
