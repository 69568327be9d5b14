// A real Chromium, and pages that are watched while they are used.

import assert from 'node:assert/strict';
import { accessSync, constants, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { after } from 'node:test';

import { chromium } from 'playwright-core';

// Handed over by the debugger's way in, because the pages let no script of others run.
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
// Where pictures of the pages go, for people to look at.
const PICTURES = process.env.THREELO_SCREENSHOTS;

function program() {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const places = folders.flatMap((folder) => NAMES.map((name) => join(folder, name)));
  const found = [process.env.THREELO_CHROMIUM, ...places].find((place) => {
    try {
      return place && (accessSync(place, constants.X_OK), true);
    } catch {
      return false;
    }
  });
  assert(found, 'these tests need Chromium: `scripts/setup.sh browser` installs it, $THREELO_CHROMIUM names one elsewhere');
  return found;
}

/** A browser for a test file; it ends with the file. */
export async function open() {
  // Chromium's own sandbox does not start as root, as which containers run.
  const browser = await chromium.launch({ executablePath: program(), chromiumSandbox: process.getuid?.() !== 0 });
  after(() => browser.close());
  return browser;
}

/**
 * Somebody's browser: cookies of its own, and one page, whose errors and requests are remembered.
 *
 * `test` is the test it is closed with.
 */
export async function visitor(test, browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 900, height: 760 }, ...options });
  test.after(() => context.close());
  const seen = { complaints: [], hosts: new Set() };
  context.on('request', (request) => seen.hosts.add(new URL(request.url()).hostname));
  context.on('weberror', (error) => seen.complaints.push(String(error.error())));
  context.on('console', (message) => {
    // A page that says what went wrong has a status that says so, too, which Chromium tells as an error.
    const status = /^Failed to load resource: .* status of 400 /.test(message.text());
    if (!status && ['error', 'warning'].includes(message.type())) seen.complaints.push(message.text());
  });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  return { context, page, seen };
}

/**
 * Has the page load itself once more, as a person would. The browser's own command for it is refused while the page is
 * on its way from one site to another, which it still is for a moment after its text is there.
 */
export async function reload(page) {
  const answered = page.waitForResponse((response) => response.request().isNavigationRequest());
  await page.evaluate(() => void setTimeout(() => location.reload()));
  await answered;
  await page.waitForLoadState();
}

/** What every page promises: no complaint of the browser, nobody else asked, no code or state kept in its address. */
export function quiet({ page, seen }) {
  assert.deepEqual(seen.complaints, []);
  for (const host of seen.hosts) assert(['localhost', '127.0.0.1'].includes(host), `the pages asked ${host}`);
  assert.doesNotMatch(page.url(), /[?&](code|state)=/);
}

/** Checks a page with axe in light and dark and on a narrow screen, and takes its picture. */
export async function inspect(page, name) {
  const size = page.viewportSize();
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
    if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => globalThis.axe.run());
    const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
    assert.deepEqual(told, [], `${name}, ${colorScheme}`);
    if (PICTURES) {
      await mkdir(PICTURES, { recursive: true });
      await page.screenshot({ path: join(PICTURES, `${name}-${colorScheme}.png`), fullPage: true });
    }
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 320, height: 640 });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(overflow, 0, `${name} is wider than a small screen`);
  if (PICTURES) await page.screenshot({ path: join(PICTURES, `${name}-small.png`), fullPage: true });
  await page.setViewportSize(size);
}
