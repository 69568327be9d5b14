// `threelo connect` as a person lives through it: the real command, the sandbox's consent page, a real Chromium.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { inspect, open, quiet, reload, visitor } from './chromium.mjs';
import { begin, connect, connected, failed, folderOf, WallClock } from './desk.mjs';

const THREE = {
  sites: ['acme', 'zeta', 'umbrella'].map((subdomain) => ({ subdomain, name: subdomain.toUpperCase() })),
  consents: [{ account: 'ada', sites: ['acme', 'zeta', 'umbrella'] }],
};

const browser = await open();
const heading = (page) => page.getByRole('heading', { level: 1 });
const said = (page, text) => heading(page).filter({ hasText: text }).waitFor();

/** From the first page to Atlassian's, and what the person answers there. */
async function consent(page, url, { site = 'acme', answer = 'Accept' } = {}) {
  await page.goto(url);
  await said(page, 'Allow access?');
  if (answer === 'Accept') await page.getByRole('radio', { name: site }).check();
  await page.getByRole('button', { name: answer }).click();
}

// Each has a command, a sandbox and a browser of its own; most of their time is waiting.
describe('threelo connect in a browser', { concurrency: 4 }, () => {
  test('with one site a person accepts and is done', async (t) => {
    const desk = await begin(t);
    const running = await connect(t, desk);
    const visit = await visitor(t, browser);
    await consent(visit.page, running.url);
    await said(visit.page, 'Connected');
    await inspect(visit.page, 'connected');
    assert.equal((await connected(running)).site.url, 'https://acme.atlassian.net');
    quiet(visit);
  });

  test('of three sites the mouse picks one', async (t) => {
    const desk = await begin(t, THREE);
    const running = await connect(t, desk);
    const visit = await visitor(t, browser);
    await consent(visit.page, running.url);
    await said(visit.page, 'Choose a Jira site');
    await inspect(visit.page, 'picker');
    await visit.page.getByText('umbrella.atlassian.net').click();
    await visit.page.getByRole('button', { name: 'Use this site' }).click();
    await said(visit.page, 'Connected');
    await visit.page.getByRole('definition').filter({ hasText: 'UMBRELLA' }).waitFor();
    assert.equal((await connected(running)).site.url, 'https://umbrella.atlassian.net');
    quiet(visit);
  });

  test('the keyboard alone goes all the way, and what has the focus can be seen', async (t) => {
    const desk = await begin(t, THREE);
    const running = await connect(t, desk);
    const visit = await visitor(t, browser);
    const { page } = visit;
    const key = (name) => page.keyboard.press(name);
    /** Where the keyboard is, and whether that is shown by an outline. */
    const focus = () =>
      page.evaluate(() => {
        const { activeElement: at } = document;
        const outlined = [at, at.closest('label')].some((one) => one && getComputedStyle(one).outlineStyle === 'solid');
        return { name: at.value || at.textContent.trim(), outlined };
      });
    await page.goto(running.url);
    await said(page, 'Allow access?');
    await key('Tab');
    assert.equal((await focus()).outlined, true);
    await key('ArrowDown'); // Grace
    await key('ArrowUp'); // and back to Ada
    await key('Tab');
    await key('Space');
    assert.deepEqual(await focus(), { name: 'acme', outlined: true });
    await key('Tab');
    assert.deepEqual(await focus(), { name: 'accept', outlined: true });
    await key('Enter');
    await said(page, 'Choose a Jira site');
    await key('Tab');
    await key('ArrowDown');
    assert.equal((await focus()).outlined, true);
    await key('Enter');
    await said(page, 'Connected');
    assert.equal((await connected(running)).site.url, 'https://zeta.atlassian.net');
    quiet(visit);
  });

  test('without scripts everything works as well', async (t) => {
    const desk = await begin(t, THREE);
    const running = await connect(t, desk);
    const visit = await visitor(t, browser, { javaScriptEnabled: false });
    await consent(visit.page, running.url, { site: 'zeta' });
    await said(visit.page, 'Choose a Jira site');
    await visit.page.getByRole('radio', { name: 'zeta' }).check();
    await visit.page.getByRole('button', { name: 'Use this site' }).click();
    await said(visit.page, 'Connected');
    assert.equal((await connected(running)).site.url, 'https://zeta.atlassian.net');
    quiet(visit);
  });

  test('a person who declines is told so, in the browser and in the terminal', async (t) => {
    const desk = await begin(t);
    const running = await connect(t, desk);
    const visit = await visitor(t, browser);
    await consent(visit.page, running.url, { answer: 'Cancel' });
    await said(visit.page, 'Not connected');
    await visit.page.getByText('authorization_denied').waitFor();
    await inspect(visit.page, 'declined');
    assert.equal((await failed(running)).code, 'authorization_denied');
    quiet(visit);
  });

  test('a consent that took too long is refused, and nothing is connected', async (t) => {
    const desk = await begin(t);
    const clock = new WallClock(folderOf(t));
    const running = await connect(t, desk, [], clock.environment);
    const visit = await visitor(t, browser);
    await visit.page.goto(running.url);
    await said(visit.page, 'Allow access?');
    clock.move(31 * 60 * 1000);
    await visit.page.getByRole('radio', { name: 'acme' }).check();
    await visit.page.getByRole('button', { name: 'Accept' }).click();
    await said(visit.page, 'Not connected');
    await visit.page.getByText('state_invalid').waitFor();
    await inspect(visit.page, 'expired');
    assert.equal((await failed(running)).code, 'state_invalid');
    assert.equal((await desk.sandbox.control('GET', '/log')).counts.code_exchanges, 0);
    quiet(visit);
  });

  test('two consents in one browser do not get in each other\'s way', async (t) => {
    const desks = [await begin(t), await begin(t)];
    const running = await Promise.all(desks.map((desk) => connect(t, desk)));
    const first = await visitor(t, browser);
    await first.page.goto(running[0].url);
    const second = { ...first, page: await first.context.newPage() };
    await consent(second.page, running[1].url, { site: 'zeta' });
    await said(second.page, 'Connected');
    await first.page.getByRole('radio', { name: 'acme' }).check();
    await first.page.getByRole('button', { name: 'Accept' }).click();
    await said(first.page, 'Connected');
    const ended = await Promise.all(running.map(connected));
    assert.deepEqual(ended.map(({ site }) => site.url), ['https://acme.atlassian.net', 'https://zeta.atlassian.net']);
    quiet(first);
    quiet(second);
  });

  test("somebody else's browser cannot finish a consent, and the right one still can", async (t) => {
    const desk = await begin(t);
    const running = await connect(t, desk);
    const [right, wrong] = [await visitor(t, browser), await visitor(t, browser)];
    await right.page.goto(running.url);
    // The person has accepted and is on the way back when somebody else gets hold of the address.
    const callback = await desk.sandbox.consent(right.page.url(), { sites: ['acme'] });
    await wrong.page.goto(callback);
    await said(wrong.page, 'Not connected');
    await inspect(wrong.page, 'other-browser');
    assert.deepEqual(wrong.seen.complaints, []);
    assert.equal(running.child.exitCode, null, 'the consent is still waited for');
    await right.page.goto(callback);
    await said(right.page, 'Connected');
    assert.equal((await connected(running)).id, 'me');
    quiet(right);
  });
});

test('a reload while the code is being exchanged waits for that exchange', async (t) => {
  const desk = await begin(t);
  await desk.sandbox.control('POST', '/faults', { path: '/oauth/token', kind: { hold: 'after' } });
  const running = await connect(t, desk);
  const visit = await visitor(t, browser);
  const { page } = visit;
  await page.goto(running.url);
  await said(page, 'Allow access?');
  await page.getByRole('radio', { name: 'acme' }).check();
  const callbacks = [];
  const returning = (request) => request.url().startsWith(`${desk.callback}?`);
  page.on('request', (request) => {
    if (returning(request)) callbacks.push(request);
  });
  // The browser's word of a request may come after the answerer's that it has it, so both are waited for.
  const returned = page.waitForRequest(returning);
  await page.getByRole('button', { name: 'Accept' }).click({ noWaitAfter: true });
  await returned;
  const held = async () => (await desk.sandbox.control('GET', '/faults')).some(({ waiting }) => waiting > 0);
  while (!(await held()));
  // As with F5: the first request for the callback is given up, and another one made.
  const again = page.waitForRequest(returning);
  const reloaded = page.goto(callbacks[0].url());
  await again;
  await desk.sandbox.control('DELETE', '/faults');
  await reloaded;
  await said(page, 'Connected');
  assert.equal(callbacks.length, 2);
  assert.equal((await connected(running)).site.url, 'https://acme.atlassian.net');
  assert.equal((await desk.sandbox.control('GET', '/log')).counts.code_exchanges, 1);
  quiet(visit);
});

// By itself: the last page is served for seconds only once the command has said how it went.
test('reloading and going back repeat nothing', async (t) => {
  const desk = await begin(t, THREE);
  const running = await connect(t, desk);
  const visit = await visitor(t, browser);
  const { page } = visit;
  let callback;
  page.on('request', (request) => {
    if (request.url().startsWith(`${desk.callback}?`)) callback = request.url();
  });
  await consent(page, running.url);
  for (const again of [() => reload(page), () => page.goto(callback)]) {
    await again();
    await said(page, 'Choose a Jira site');
  }
  await page.getByRole('radio', { name: 'zeta' }).check();
  await page.getByRole('button', { name: 'Use this site' }).click();
  await said(page, 'Connected');
  await reload(page);
  await said(page, 'Connected');
  await page.goto(callback);
  await said(page, 'Connected');
  assert.equal((await connected(running)).site.url, 'https://zeta.atlassian.net');
  const { counts } = await desk.sandbox.control('GET', '/log');
  assert.equal(counts.code_exchanges, 1);
  quiet(visit);
});
