// The documentation's site as `make docs` builds it: every page in a browser asks nobody else for anything.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { open, quiet, visitor } from './chromium.mjs';

const SITE = fileURLToPath(new URL('../../site/', import.meta.url));
const KINDS = { '.html': 'text/html', '.css': 'text/css', '.js': 'text/javascript', '.json': 'application/json', '.svg': 'image/svg+xml' };
const pages = readdirSync(SITE).filter((name) => name.endsWith('.html') && name !== '404.html');
assert(pages.length > 15, '`make docs` builds the site');

async function served(test) {
  const server = createServer((request, response) => {
    const name = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
    try {
      const body = readFileSync(join(SITE, name));
      response.writeHead(200, { 'content-type': KINDS[extname(name)] ?? 'application/octet-stream' }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  test.after(() => server.close());
  return `http://127.0.0.1:${server.address().port}`;
}

const browser = await open();

describe('the site', () => {
  test('no page asks another host for anything, or makes the browser complain', async (t) => {
    const url = await served(t);
    const left = [...pages];
    const readers = Array.from({ length: 6 }, async () => {
      const visit = await visitor(t, browser);
      for (let name = left.pop(); name; name = left.pop()) {
        await visit.page.goto(`${url}/${name}`, { waitUntil: 'networkidle' });
        quiet(visit);
      }
    });
    await Promise.all(readers);
  });

  test('the diagram of a rotation is drawn', async (t) => {
    const url = await served(t);
    const visit = await visitor(t, browser);
    await visit.page.goto(`${url}/architecture.html`);
    // The theme draws into a shadow root that nobody can look into; its size tells.
    await visit.page.waitForFunction(() => document.querySelector('div.mermaid')?.getBoundingClientRect().height > 300);
    quiet(visit);
  });
});
