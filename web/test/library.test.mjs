// The library in a browser and in Node, beside what it makes of the same sounds on this machine.
//
// `cargo xtask web --test` calls it with what it needs: AEDEN_WEB (the folder that it has built), AEDEN_REFERENCE (the program
// web/examples/reference), AEDEN_MODELS (the networks), AEDEN_NOISY (a recording) and CHROMIUM.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Browser } from './browser.mjs';
import { Material } from './material.mjs';
import { serve } from './server.mjs';

const { AEDEN_WEB, AEDEN_REFERENCE, AEDEN_MODELS, AEDEN_NOISY, CHROMIUM } = process.env;

/** In 32-bit floating point the difference is of roundings. */
const NEAR = 1e-5;

/**
 * With whole numbers a rounding may tip an input of a layer to the next of 127 steps. So processors differ among each other
 * too: tests/native_engine.rs has the same bound for masks. Here of the energy: -40 dB.
 */
const WHOLE = 1e-2;

const material = new Material(AEDEN_REFERENCE, AEDEN_MODELS, AEDEN_NOISY);
const mono = [material.mono.slice(0, 4 * 48_000)];
const stereo = [mono[0], material.right.slice(0, 4 * 48_000)];
let browser, server, page;

before(async () => {
  material.write('empty.html', '<!DOCTYPE html><html lang="en"><link rel="icon" href="data:,"><title>empty</title>');
  server = await serve({ '': AEDEN_WEB, material: material.folder, models: AEDEN_MODELS });
  browser = new Browser(CHROMIUM);
  page = await browser.open(`${server.origin}/material/empty.html`);
});

after(async () => {
  await browser?.close();
  server?.close();
  material.remove();
});

/** The functions that the page's part of a test uses, as globals of the page. */
async function prepare() {
  await page.run(async () => {
    globalThis.aeden = await import('/aeden/aeden.js');
    /** Samples that a test has written, by channel. */
    globalThis.samples = async (name, count) => {
      const all = new Float32Array(await (await fetch(`/material/${name}`)).arrayBuffer());
      const length = all.length / count;
      return Array.from({ length: count }, (_, c) => all.subarray(c * length, (c + 1) * length));
    };
    /** The largest difference, the largest sample, and the difference as a share of the whole. */
    globalThis.differ = (a, b, shift = 0) => {
      let [most, peak, energy, all] = [0, 0, 0, 0];
      b.forEach((channel, c) => channel.forEach((x, n) => {
        const difference = a[c][n + shift] - x;
        most = Math.max(most, Math.abs(difference));
        peak = Math.max(peak, Math.abs(x));
        energy += difference * difference;
        all += x * x;
      }));
      return { most, peak, share: Math.sqrt(energy / all) };
    };
    globalThis.network = async (quality) => (await fetch(`/models/${quality}/${quality}.safetensors`)).arrayBuffer();
    /** What a node makes of samples in an offline context, and its latency; `during` may work the controls. */
    globalThis.rendered = async (rate, input, options, extra = 0) => {
      const length = input[0].length + extra;
      const context = new OfflineAudioContext(input.length, length, rate);
      const buffer = context.createBuffer(input.length, input[0].length, rate);
      input.forEach((channel, c) => buffer.copyToChannel(channel, c));
      const node = await globalThis.aeden.AedenNode.create(context, { channels: input.length, ...options });
      const source = new AudioBufferSourceNode(context, { buffer });
      source.connect(node).connect(context.destination);
      source.start();
      const out = await context.startRendering();
      return { channels: input.map((_, c) => out.getChannelData(c)), latency: node.latency };
    };
  });
}

/** Both have something in them, and are the same. */
function same({ most, peak, share }, exact) {
  assert.ok(peak > 0.01, 'there is nothing');
  if (exact) assert.ok(most <= NEAR, `they differ by ${most}`);
  else assert.ok(share <= WHOLE, `they differ by ${20 * Math.log10(share)} dB of the whole`);
}

for (const exact of [true, false]) {
  const how = exact ? 'in f32' : 'in whole numbers';
  for (const [rate, channels, quality] of [
    [48_000, mono, 'light'], [44_100, stereo, 'light'], [48_000, stereo, 'high'], [16_000, mono, 'light'],
  ]) {
    const what = `${quality} ${how}, ${rate} Hz, ${channels.length} channels`;
    test(`a recording is cleaned as a stream is on this machine: ${what}`, async () => {
      await prepare();
      material.raw('in.f32', channels);
      material.raw('out.f32', material.cleaned(rate, channels, quality, 'stream', { exact }));
      const found = await page.run(async (rate, count, quality, exact) => {
        const [channels, model] = [await samples('in.f32', count), exact ? await network(quality) : undefined];
        const progress = [];
        const options = { quality, model, exact, streaming: true };
        const cleaned = await aeden.clean({ rate, channels }, options, (p) => progress.push(p));
        const whole = cleaned.channels.every((c, n) => c.length === channels[n].length) && cleaned.rate === rate;
        return { ...differ(cleaned.channels, await samples('out.f32', count)), whole, progress };
      }, rate, channels.length, quality, exact);
      assert.ok(found.whole);
      same(found, exact);
      assert.ok(found.progress.every((p, n) => p >= (found.progress[n - 1] ?? 0)) && found.progress.at(-1) === 1);
    });

    test(`a node cleans as a stream does on this machine: ${what}`, async () => {
      await prepare();
      material.raw('in.f32', channels);
      material.raw('out.f32', material.cleaned(rate, channels, quality, 'stream', { exact }));
      const found = await page.run(async (rate, count, quality, exact) => {
        const options = { quality, exact, model: exact ? await network(quality) : undefined };
        const { channels, latency } = await rendered(rate, await samples('in.f32', count), options, 8192);
        return { ...differ(channels, await samples('out.f32', count), latency), latency };
      }, rate, channels.length, quality, exact);
      same(found, exact);
      assert.ok(found.latency > 0.019 * rate && found.latency < 0.08 * rate, `latency ${found.latency}`);
    });
  }

  test(`best looks ahead, and other qualities hear the first seconds, as on this machine: ${how}`, async () => {
    await prepare();
    material.raw('in.f32', mono);
    for (const [quality, context] of [['best', 'look-ahead'], ['light', 'lead-in']]) {
      material.raw('out.f32', material.cleaned(48_000, mono, quality, context, { exact }));
      const found = await page.run(async (quality, exact) => {
        const input = new AudioBuffer({ numberOfChannels: 1, length: 4 * 48_000, sampleRate: 48_000 });
        input.copyToChannel((await samples('in.f32', 1))[0], 0);
        const model = exact ? await network(quality) : undefined;
        const cleaned = await aeden.clean(input, { quality, model, exact });
        return differ(cleaned.channels, await samples('out.f32', 1));
      }, quality, exact);
      same(found, exact);
    }
  });
}

test('every control of a recording does what it does on this machine', async () => {
  await prepare();
  material.raw('in.f32', mono);
  for (const options of [{ strength: 12 }, { mix: 0.5 }, { bands: [[0, 3], [1000, 40], [4000, 6]], strength: 20 }]) {
    material.raw('out.f32', material.cleaned(48_000, mono, 'light', 'lead-in', options));
    const found = await page.run(async (options) => {
      const [channels, model] = [await samples('in.f32', 1), await network('light')];
      const cleaned = await aeden.clean({ rate: 48_000, channels }, { model, exact: true, ...options });
      return differ(cleaned.channels, await samples('out.f32', 1));
    }, options);
    same(found, true);
  }
  const sum = await page.run(async () => {
    const channels = await samples('in.f32', 1);
    const [kept, removed] = await Promise.all([false, true].map((removed) =>
      aeden.clean({ rate: 48_000, channels }, { quality: 'light', removed })));
    return differ([kept.channels[0].map((x, n) => x + removed.channels[0][n])], channels);
  });
  same(sum, true);
});

test('every control of a node does something', async () => {
  await prepare();
  material.raw('in.f32', mono);
  const level = await page.run(async () => {
    const input = await samples('in.f32', 1);
    const rms = (samples) => Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
    const levels = {};
    const settings = {
      light: { quality: 'light' }, high: { quality: 'high' }, weak: { quality: 'light', strength: 3 },
      half: { quality: 'light', mix: 0.5 }, banded: { quality: 'light', bands: [[0, 3], [20_000, 3]] }, removed: { quality: 'light', removed: true },
      bypass: { quality: 'light', bypass: true }, none: { quality: 'light', mix: 0 },
    };
    for (const [name, options] of Object.entries(settings)) {
      const { channels, latency } = await rendered(48_000, input, options, 8192);
      levels[name] = rms(channels[0].slice(0, 14_400)); // before the first word: noise
      if (name === 'bypass' || name === 'none') levels[`${name}, differs by`] = differ(channels, input, latency).most;
    }
    levels.input = rms(input[0].slice(0, 14_400 - 960));
    return levels;
  });
  const text = JSON.stringify(level);
  assert.equal(level['bypass, differs by'], 0, text);
  assert.equal(level['none, differs by'], 0, text);
  assert.ok(level.light < level.weak && level.weak < level.bypass, text);
  assert.ok(level.light < level.half && level.half < level.bypass, text);
  assert.ok(Math.abs(level.banded - level.weak) < 0.01 * level.weak, text); // as much everywhere is as much for all
  assert.ok(level.removed > 0 && level.removed !== level.light && level.high !== level.light, text);
});

test('controls, meters and the quality of a node can be changed while it runs', async () => {
  await prepare();
  material.raw('in.f32', mono);
  const found = await page.run(async () => {
    const [samples48] = await samples('in.f32', 1);
    const context = new AudioContext({ sampleRate: 48_000 });
    const buffer = context.createBuffer(1, samples48.length, 48_000);
    buffer.copyToChannel(samples48, 0);
    const source = new AudioBufferSourceNode(context, { buffer, loop: true });
    const node = await aeden.AedenNode.create(context, { quality: 'light' });
    const listener = new AnalyserNode(context, { fftSize: 2048 });
    source.connect(node).connect(listener).connect(context.destination);
    source.start();
    await context.resume();
    const wait = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    const all = { latency: [node.latency] };
    await wait(0.5);
    all.cleaned = await node.meters();
    node.removed = true;
    await wait(0.1);
    await node.meters();
    await wait(0.5);
    all.removed = await node.meters();
    node.removed = false;
    node.bypass = true;
    await wait(0.2);
    await node.meters();
    await wait(0.5);
    all.bypass = await node.meters();
    node.bypass = false;
    node.bands = [[100, 0]];
    await wait(0.2);
    await node.meters();
    await wait(0.5);
    all.untouched = await node.meters();
    node.bands = [];
    await node.setQuality('high');
    all.latency.push(node.latency);
    all.quality = node.quality;
    await wait(1);
    all.high = await node.meters();
    all.refused = await node.setQuality('best').then(() => 'taken', (error) => error.message);
    all.still = node.quality;
    try { node.strength = -1; } catch (error) { all.range = error.name; }
    try { node.mix = NaN; } catch (error) { all.number = error.name; }
    all.bands = [[[2, 1], [1, 1]], [[0, 101]], [[-1, 1]], Array.from({ length: 7 }, (_, n) => [n, 1]), [[1]]].map((bands) => {
      try { node.bands = bands; } catch (error) { return error.name; }
      return 'taken';
    });
    node.reset();
    source.stop();
    await context.close();
    return all;
  });
  const text = JSON.stringify(found);
  assert.ok(found.cleaned.inputRms > 0 && found.cleaned.outputRms < found.cleaned.inputRms, text);
  assert.ok(found.removed.outputRms > 0 && found.bypass.outputPeak > 0.5 * found.bypass.inputPeak, text);
  assert.ok(found.high.outputRms > 0, text);
  assert.ok(found.untouched.outputPeak > 0.5 * found.untouched.inputPeak, text);
  assert.deepEqual(found.bands, Array(5).fill('RangeError'), text);
  assert.equal(found.quality, 'high');
  assert.equal(found.still, 'high');
  assert.ok(found.latency[1] > found.latency[0], text);
  assert.match(found.refused, /both directions/, text);
  assert.deepEqual([found.range, found.number], ['RangeError', 'RangeError'], text);
});

test('work can be cancelled, and what makes no sense is refused with a reason', async () => {
  await prepare();
  const found = await page.run(async () => {
    const silence = (length) => ({ rate: 48_000, channels: [new Float32Array(length)] });
    const reason = (promise) => promise.then(() => 'done', (error) => `${error.name}: ${error.message}`);
    const abort = new AbortController();
    const cancelled = aeden.clean(silence(48_000 * 600), { quality: 'light', signal: abort.signal }, () => abort.abort());
    return {
      cancelled: await reason(cancelled),
      quality: await reason(aeden.clean(silence(10), { quality: 'loud' })),
      strength: await reason(aeden.clean(silence(10), { strength: 61 })),
      rate: await reason(aeden.clean({ rate: 100, channels: [new Float32Array(10)] }, { quality: 'light' })),
      none: await reason(aeden.clean({ rate: 48_000, channels: [] }, { quality: 'light' })),
      lengths: await reason(aeden.clean({ rate: 48_000, channels: [new Float32Array(1), new Float32Array(2)] })),
      ahead: await reason(aeden.clean(silence(10), { quality: 'best', streaming: true })),
      empty: await reason(aeden.clean(silence(0), { quality: 'light' })),
      channels: await reason(aeden.AedenNode.create(new OfflineAudioContext(1, 1, 48_000), { channels: 3 })),
      option: await reason(aeden.AedenNode.create(new OfflineAudioContext(1, 1, 48_000), { gain: 3 })),
    };
  });
  assert.match(found.cancelled, /^AbortError/);
  for (const name of ['quality', 'strength', 'lengths', 'channels', 'option']) assert.match(found[name], /^RangeError/, name);
  assert.match(found.rate, /8000 to 192000 Hz, not 100/);
  assert.match(found.none, /1 to 64, not 0/);
  assert.match(found.ahead, /both directions/);
  assert.equal(found.empty, 'done');
});

test('a strict policy is enough, and nothing but files beside the library is asked for', () => {
  assert.deepEqual(page.errors, []);
  const others = page.requests.filter((url) => !url.startsWith(server.origin) && url !== 'about:blank');
  assert.deepEqual(others, []);
});

test('the same module cleans in Node', async () => {
  const { Instance } = await import(join(AEDEN_WEB, 'aeden/instance.js'));
  const instance = new Instance(new WebAssembly.Module(readFileSync(join(AEDEN_WEB, 'aeden/aeden.wasm'))));
  for (const quality of ['light', 'high']) {
    instance.model(readFileSync(material.model(quality)), true);
    instance.recording(48_000, 2, { streaming: true });
    const [out, got] = [stereo.map((c) => new Float32Array(c.length)), { samples: 0 }];
    const take = (ready) => {
      ready.forEach((samples, c) => out[c].set(samples, got.samples));
      got.samples += ready[0].length;
    };
    instance.push(stereo, take);
    instance.finish(take);
    assert.equal(got.samples, stereo[0].length);
    const reference = material.cleaned(48_000, stereo, quality, 'stream');
    const most = Math.max(...reference.map((c, i) => c.reduce((m, x, n) => Math.max(m, Math.abs(x - out[i][n])), 0)));
    assert.ok(most <= NEAR, `${quality}: they differ by ${most}`);
  }
  assert.throws(() => instance.model(new Uint8Array([1, 2, 3])), /./);
});

/** The audio thread's processor, in Node, and what it is made of: a network's image. */
async function audioThread() {
  const { Instance } = await import(join(AEDEN_WEB, 'aeden/instance.js'));
  const module = new WebAssembly.Module(readFileSync(join(AEDEN_WEB, 'aeden/aeden.wasm')));
  const built = (bytes) => {
    const instance = new Instance(module);
    instance.model(bytes);
    instance.stream(48_000, 1);
    return { image: instance.image(), latency: instance.wasm.aeden_latency() };
  };
  globalThis.sampleRate = 48_000;
  globalThis.AudioWorkletProcessor = class { port = { postMessage() {} }; };
  globalThis.registerProcessor = (_, processor) => { globalThis.Processor = processor; };
  await import(join(AEDEN_WEB, 'aeden/worklet.js'));
  const controls = { strength: 60, mix: 1, removed: false, bypass: false };
  const make = (bytes, more = {}) => new globalThis.Processor({
    processorOptions: { module, image: built(bytes).image, channels: 1, controls: { ...controls, ...more } },
  });
  return { make, built };
}

test('another network takes over from one that goes on until then, and the controls stay', async () => {
  const { make, built } = await audioThread();
  const high = readFileSync(material.model('high'));
  const block = 480;
  const made = (bytes, from, to, during = () => {}) => {
    const processor = make(bytes, { strength: 12 });
    const out = new Float32Array(to - from);
    for (let at = from; at < to; at += block) {
      during(processor, at);
      const output = [[new Float32Array(block)]];
      processor.process([[material.mono.subarray(at, at + block)]], output);
      out.set(output[0][0], at - from);
    }
    return out;
  };
  // It comes part by part; from the block after its last part on it hears.
  const next = built(high);
  const [change, end] = [48_000, 384_000];
  const blocks = Math.ceil(next.image.byteLength / 65_536);
  const hears = change + blocks * block;
  const both = made(null, 0, end, (processor, at) => {
    if (at === change) processor.receive(next);
  });
  const [former, latter] = [made(null, 0, end), made(high, hears, end)];
  // Half a second and the latency of high, then 20 ms of crossfade.
  const [start, length] = [hears + 24_000 + 1536, 960];
  assert.ok(start + length < end - 24_000, `${blocks} blocks`);
  assert.deepEqual(both.subarray(0, start), former.subarray(0, start));
  // The crossfade ends with a block; from then on nothing is added up.
  const after = start + length + block;
  assert.deepEqual(both.subarray(after), latter.subarray(after - hears));
  for (let n = start; n < after; n++) {
    const [a, b] = [former[n], latter[n - hears]];
    assert.ok(both[n] >= Math.min(a, b) - 1e-6 && both[n] <= Math.max(a, b) + 1e-6, `sample ${n}`);
  }
});

test('one network after the other, each asked for while the one before takes over: the last one stays', async () => {
  const { make, built } = await audioThread();
  const high = built(readFileSync(material.model('high')));
  const light = built(null);
  const processor = make(null);
  const [input, output] = [[[new Float32Array(2400)]], [[new Float32Array(2400)]]];
  const latencies = [];
  processor.process(input, output);
  processor.receive({ ...high, image: high.image.slice(0) });
  processor.receive({ ...light, image: light.image.slice(0) });
  processor.receive({ ...high, image: high.image.slice(0) });
  for (let n = 0; n < 1000; n++) {
    processor.process(input, output);
    const latency = processor.now.wasm.aeden_latency();
    if (latency !== latencies.at(-1)) latencies.push(latency);
  }
  assert.deepEqual(latencies, [light.latency, high.latency]);
  assert.ok(!processor.next && !processor.later);
});

test('the audio thread allocates nothing: neither memory of aeden nor objects', async () => {
  const processor = (await audioThread()).make(null);
  const [input, output] = [[[mono[0].slice(0, 128)]], [[new Float32Array(128)]]];
  const run = (times) => {
    for (let n = 0; n < times; n++) processor.process(input, output);
  };
  run(1000);
  const { buffer } = processor.now.wasm.memory;
  // Until everything has been compiled, calls cost objects; when that is so, is for the machine to say. The question itself
  // costs a few kilobytes, and an object a call would be 16 bytes or more in every round.
  const [calls, each] = [10_000, []];
  while (each.length < 20 && !(each.at(-1) < 4)) {
    globalThis.gc();
    const start = process.memoryUsage().heapUsed;
    run(calls);
    each.push((process.memoryUsage().heapUsed - start) / calls);
  }
  assert.equal(buffer, processor.now.wasm.memory.buffer, 'memory grew');
  assert.ok(each.at(-1) < 4, `${each} bytes a call`);
});
