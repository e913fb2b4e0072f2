// How a page of `aeden map` moves: times of opening it and of a frame, in milliseconds. `cargo xtask family map` calls it.
import { pathToFileURL } from 'node:url';
import { Browser } from './browser.mjs';

const browser = new Browser(process.env.CHROMIUM);
const begun = Date.now();
const page = await browser.open(pathToFileURL(process.argv[2]).href);
await page.until(() => !waiting && picture && document.getElementById('count').textContent);
const open = Date.now() - begun;
const found = await page.run(async () => {
  const timed = (work) => {
    const start = performance.now();
    work();
    return performance.now() - start;
  };
  const middle = (times) => times.sort((a, b) => a - b)[times.length >> 1];
  const many = (work) => middle(Array.from({ length: 31 }, (_, n) => timed(() => work(n))));
  const frame = () => new Promise(requestAnimationFrame);
  // What is drawn by the page's own functions, and what the browser shows while a wheel turns.
  const all = many(draw);
  const hover = many((n) => at(20 * n, 15 * n));
  const choice = many((n) => choose(n, false));
  const words = ['1', '42', 'kind 7', 'nothing'];
  const found = many((n) => {
    search.value = words[n % 4];
    search.dispatchEvent(new Event('input'));
  });
  search.value = '';
  search.dispatchEvent(new Event('input'));
  showAll();
  const start = performance.now();
  let frames = 0;
  for (; performance.now() - start < 3000; frames++) {
    zoom(frames % 60 < 30 ? 1.1 : 1 / 1.1);
    await frame();
  }
  const zooming = (performance.now() - start) / frames;
  view.scale = 8 * whole;
  return { sounds: sounds.length, draw: all, near: many(draw), hover, choice, search: found, zooming, elements: document.querySelectorAll('*').length };
});
for (const key of Object.keys(found)) found[key] = Math.round(found[key] * 10) / 10;
console.log(JSON.stringify({ what: 'the page', open, ...found, errors: page.errors }));
await browser.close();
