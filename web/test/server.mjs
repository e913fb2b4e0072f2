// Files from folders, under the strictest policy that the page is meant to work under.
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize, sep } from 'node:path';

const TYPES = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.mjs': 'text/javascript', '.css': 'text/css',
  '.wasm': 'application/wasm', '.svg': 'image/svg+xml',
};

export const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; "
  + "connect-src 'self'; worker-src 'self'; media-src 'self'; base-uri 'none'; form-action 'none'";

/** Serves folders by the first part of the path, `''` for all others, with more headers; gives the origin, and what closes it. */
export async function serve(folders, headers = {}) {
  const server = createServer(async ({ url }, response) => {
    const path = normalize(decodeURIComponent(new URL(url, 'http://x').pathname));
    const [, first, ...rest] = path.split(sep);
    const folder = first && first in folders ? join(folders[first], ...rest) : join(folders[''], path);
    try {
      const bytes = await readFile(folder.endsWith(sep) ? `${folder}index.html` : folder);
      response.writeHead(200, {
        'content-type': TYPES[extname(folder)] ?? (path.endsWith(sep) ? TYPES['.html'] : 'application/octet-stream'),
        'content-security-policy': POLICY,
        'cache-control': 'no-store',
        ...headers,
      });
      response.end(bytes);
    } catch {
      response.writeHead(404).end('no such file');
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { origin: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}
