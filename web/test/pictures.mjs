// Pictures of the page for its documentation, into a folder. `cargo xtask web --pictures` calls it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Browser } from './browser.mjs';
import { serve } from './server.mjs';

const { AEDEN_WEB, AEDEN_NOISY, CHROMIUM } = process.env;
const folder = process.argv[2];
mkdirSync(folder, { recursive: true });
const server = await serve({ '': AEDEN_WEB });
const browser = new Browser(CHROMIUM);
for (const [name, width, height, scheme] of [['page', 860, 860, 'light'], ['phone', 390, 900, 'dark']]) {
  const page = await browser.open(`${server.origin}/`, { width, height });
  await page.prefer(scheme);
  await page.choose('#files', [AEDEN_NOISY]);
  await page.until(() => document.querySelector('[data-drawn]'));
  await page.run(() => document.querySelector('.time').closest('.row').querySelector('.versions button:nth-child(2)').click());
  const file = join(folder, `${name}.png`);
  writeFileSync(file, await page.picture());
  console.log(file);
  await page.close();
}
await browser.close();
server.close();
