// Pictures of the page for its documentation, into a folder. `cargo xtask web --pictures` calls it.
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Browser } from './browser.mjs';
import { serve } from './server.mjs';

const { AEDEN_WEB, AEDEN_NOISY, AEDEN_PROGRAM, CHROMIUM } = process.env;
const folder = process.argv[2];
mkdirSync(folder, { recursive: true });
const server = await serve({ '': AEDEN_WEB });
const program = spawn(AEDEN_PROGRAM, ['web', '--no-open', '--quiet'], { stdio: ['ignore', 'pipe', 'inherit'] });
const served = await new Promise((resolve) => program.stdout.once('data', (line) => resolve(String(line).trim())));
const alone = `${server.origin}/`;
const browser = new Browser(CHROMIUM);
for (const [name, address, width, height, scheme] of [
  ['page', alone, 860, 860, 'light'], ['phone', alone, 390, 900, 'dark'], ['served', served, 860, 860, 'dark'],
]) {
  const page = await browser.open(address, { width, height });
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
program.kill('SIGINT');
server.close();
