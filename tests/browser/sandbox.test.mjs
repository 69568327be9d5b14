// The sandbox's own pages: the consent in its other forms, its refusal, and what it saw, live.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { inspect, open, quiet, visitor } from './chromium.mjs';
import { begin, connect, connected, folderOf, run } from './desk.mjs';

const browser = await open();
const said = (page, text) => page.getByRole('heading', { level: 1, name: text }).waitFor();
const rows = (page, name) => page.getByRole('region', { name }).locator('tbody tr');

// Each has a command, a sandbox and a browser of its own; most of their time is waiting.
describe('the pages of the sandbox', { concurrency: 4 }, () => {
  test('the consent page says what is asked for', async (t) => {
    const desk = await begin(t);
    const running = await connect(t, desk);
    const visit = await visitor(t, browser);
    await visit.page.goto(running.url);
    await said(visit.page, 'Allow access?');
    await visit.page.getByText('not Atlassian').waitFor();
    await visit.page.getByText('read:jira-user').waitFor();
    await visit.page.getByRole('radio', { name: 'acme' }).check();
    await inspect(visit.page, 'consent');
    assert.deepEqual(visit.seen.complaints, []);
  });

  test('whoever chose no site, or one that is not theirs, is told so and can answer again', async (t) => {
    const sites = [{ subdomain: 'acme' }, { subdomain: 'zeta', accounts: ['grace'] }, { subdomain: 'umbrella' }];
    const desk = await begin(t, { apps: [{ grant_mode: 'resource' }], sites });
    const running = await connect(t, desk);
    const visit = await visitor(t, browser);
    const { page } = visit;
    const accept = page.getByRole('button', { name: 'Accept' });
    await page.goto(running.url);
    await accept.click();
    await page.getByRole('alert').filter({ hasText: 'choose a site' }).waitFor();
    await inspect(page, 'consent-again');
    for (const site of ['acme', 'zeta']) await page.getByRole('checkbox', { name: site }).check();
    await accept.click();
    await page.getByRole('alert').filter({ hasText: 'ada may not use' }).waitFor();
    assert.equal(await page.getByRole('checkbox', { name: 'acme' }).isChecked(), true, 'what was answered is kept');
    await page.getByLabel('Account').selectOption({ label: 'Grace Hopper (grace@example.com)' });
    await accept.click();
    await said(page, 'Choose a Jira site');
    await page.getByRole('radio', { name: 'zeta' }).check();
    await page.getByRole('button', { name: 'Use this site' }).click();
    await said(page, 'Connected');
    assert.equal((await connected(running)).site.url, 'https://zeta.atlassian.net');
    quiet(visit);
  });

  test('a request that cannot be granted is refused on a page', async (t) => {
    const { sandbox } = await begin(t);
    const visit = await visitor(t, browser);
    await visit.page.goto(`${sandbox.url}/authorize?client_id=unknown`);
    await said(visit.page, 'Something went wrong');
    await visit.page.getByText('client_id is not known').waitFor();
    await inspect(visit.page, 'refusal');
    quiet(visit);
  });

  test('the live page shows requests as they come, and stays where its reader is', async (t) => {
    const { sandbox } = await begin(t, { faults: [{ path: '/me', kind: { html: 502 }, times: 0 }] });
    const visit = await visitor(t, browser);
    const { page } = visit;
    await page.goto(sandbox.page);
    await said(page, 'What the sandbox saw');
    await page.getByText('Watching for changes.').waitFor();
    await page.getByText('None yet.').waitFor();
    assert.equal(await rows(page, 'Faults ordered').count(), 1);

    assert.equal((await fetch(`${sandbox.url}/me`)).status, 502);
    const seen = rows(page, 'Requests');
    await seen.filter({ hasText: '502' }).filter({ hasText: 'fault 1' }).waitFor();
    const region = page.getByRole('region', { name: 'Requests' });
    await region.focus();
    const client = sandbox.client();
    t.after(() => client.close());
    await sandbox.connect(client, 'user-42');
    await seen.filter({ hasText: '/oauth/token' }).filter({ hasText: 'authorization_code' }).waitFor();
    await rows(page, 'Accounts').filter({ hasText: 'sandbox-client: zeta' }).waitFor();
    assert.equal(await region.evaluate((node) => node === document.activeElement), true, 'the focus stays');

    await sandbox.control('POST', '/time', { advance_s: 91 * 86400 });
    await page.getByText('+91.0 days').waitFor();
    assert.doesNotMatch(await page.content(), /state=(?!-)[\w-]{8}/, 'secrets do not show');
    await inspect(page, 'live');
    quiet(visit);
  });

  test('without scripts the live page shows what there is', async (t) => {
    const { sandbox } = await begin(t);
    const visit = await visitor(t, browser, { javaScriptEnabled: false });
    assert.equal((await fetch(`${sandbox.url}/me`)).status, 401);
    await visit.page.goto(sandbox.page);
    assert.equal(await rows(visit.page, 'Requests').count(), 1);
    await visit.page.getByText('reload it for news').waitFor();
    quiet(visit);
  });

  test('`threelo sandbox` has its page and its faults from the start', async (t) => {
    const fault = { path: '/oauth/token/accessible-resources', kind: { status: 503 } };
    const args = ['sandbox', '--json', '--sites', '3', '--issues', '2', '--faults', JSON.stringify(fault)];
    const { lines } = run(t, args, { cwd: folderOf(t), env: { PATH: process.env.PATH } });
    const { page: address, url } = JSON.parse((await lines.next()).value);
    assert.equal((await fetch(`${url}${fault.path}`)).status, 503);
    const visit = await visitor(t, browser);
    await visit.page.goto(address);
    assert.equal(await rows(visit.page, 'Sites').count(), 3);
    await rows(visit.page, 'Requests').filter({ hasText: '503' }).waitFor();
    quiet(visit);
  });
});
