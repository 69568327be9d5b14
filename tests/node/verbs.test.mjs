// The verbs against the sandbox: that the face hands over what is given and hands out what comes back. What the verbs
// do is proven by the core's tests and by the conformance vectors.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { inspect } from 'node:util';

import ts from 'typescript';

import { ClosedError, Connection, ConnectionNotFoundError, ConnectSession, HttpError, Response, Site } from 'threelo';

import { Sandbox } from './support.mjs';

const DAY = 24 * 3600 * 1000;

const sandbox = await Sandbox.start();
const client = sandbox.client();
await sandbox.connect(client, 'user-1', { tags: { team_name: 'blue' }, metadata: { snake_key: { inner_key: [1] }, camelKey: null } });

const echo = async (options, method = 'POST', path = '/rest/api/3/_echo') =>
  (await client.proxyRequest('user-1', method, path, options)).raiseForStatus().json();

test('records are classes with camelCase fields and dates', async () => {
  const session = await client.connect('user-9', { binding: null });
  assert.ok(session instanceof ConnectSession && session.expiresAt instanceof Date && session.expiresAt > new Date());
  const connection = await client.connection('user-1');
  assert.ok(connection instanceof Connection && connection.site instanceof Site);
  assert.match(connection.site.cloudId, /^[0-9a-f-]{36}$/);
  assert.equal(connection.health, 'active');
  for (const name of ['createdAt', 'consentedAt', 'refreshedAt', 'accessExpiresAt']) {
    assert.ok(connection[name] instanceof Date && connection[name] > new Date(Date.now() - 60_000), name);
  }
  const sites = await client.sites('user-1');
  assert.ok(sites.every((site) => site instanceof Site));
});

test('what will end is told with its day', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'threelo-'));
  after(() => rmSync(folder, { recursive: true }));
  const store = join(folder, 'threelo.db');
  const aged = sandbox.client({ store });
  await sandbox.connect(aged, 'user-1');
  const consented = Date.now() - 350 * DAY;
  // This Node has no SQLite of its own.
  const script = 'import sqlite3, sys\nwith sqlite3.connect(sys.argv[1]) as store: store.execute("UPDATE grants SET first_consented_at = ?", [int(sys.argv[2])])';
  execFileSync('python3', ['-c', script, store, String(consented)]);
  const ends = new Date(consented + 365 * DAY);
  const { health, healthReason, reconnectBy } = await aged.connection('user-1');
  assert.deepEqual([health, healthReason, reconnectBy], ['attention', 'old_consent', ends]);
  const [one] = (await aged.keepAlive()).attention;
  assert.deepEqual([one.connectionId, one.reason, one.reconnectBy], ['user-1', 'old_consent', ends]);
});

test("the application's own data is never renamed", async () => {
  const { tags, metadata } = await client.connection('user-1');
  assert.deepEqual(tags, { team_name: 'blue' });
  assert.deepEqual(metadata, { snake_key: { inner_key: [1] }, camelKey: null });
  const updated = await client.update('user-1', { metadata: { other_key: 1 } });
  assert.deepEqual([updated.tags, updated.metadata], [{ team_name: 'blue' }, { other_key: 1 }]);
});

test('parameters, headers and bodies arrive as they were given', async () => {
  const params = { jql: 'a = "b&c"', expand: ['x', 'y'], max: 5, deep: true, none: null, missing: undefined };
  const { query, headers } = await echo({ params, headers: { 'X-Own': 'yes' } }, 'GET');
  assert.deepEqual([...new URLSearchParams(query)].sort(), [['deep', 'true'], ['expand', 'x'], ['expand', 'y'], ['jql', 'a = "b&c"'], ['max', '5']]);
  assert.equal(headers['x-own'], 'yes');
  const json = { summary: 'ü', when: new Date(0), dropped: undefined, nothing: null };
  assert.deepEqual(JSON.parse((await echo({ json })).body), { summary: 'ü', when: '1970-01-01T00:00:00.000Z', nothing: null });
  assert.equal((await echo({ json: null })).body, 'null');
  assert.equal((await echo({ data: 'plain ü' })).body, 'plain ü');
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
  assert.deepEqual(Buffer.from((await echo({ data: bytes.subarray(3) })).body_base64, 'base64'), Buffer.from(bytes.subarray(3)));
});

test('bytes given as a body may be changed as soon as the call is made', async () => {
  const data = Buffer.from('first');
  const call = echo({ data });
  data.write('other');
  assert.equal((await call).body, 'first');
});

test('a response gives its parts, as often as it is asked', async () => {
  const response = await client.proxyRequest('user-1', 'GET', '/rest/api/3/issue/ACME-1');
  assert.ok(response instanceof Response);
  assert.equal(response.status, 200);
  assert.equal(response.attempts, 1);
  assert.ok(response.headers instanceof Headers);
  assert.match(response.headers.get('Content-Type'), /json/);
  assert.ok(response.url.endsWith('/rest/api/3/issue/ACME-1'));
  assert.equal(response.raiseForStatus(), response);
  assert.equal(response.bytes(), response.bytes());
  assert.equal(response.text(), response.bytes().toString());
  assert.equal(response.json().key, 'ACME-1');
  assert.equal(inspect(response, { breakLength: Infinity }), `Response { status: 200, url: '${response.url}', attempts: 1 }`);
});

test('an error status is thrown only when it is asked for, before and after the body was read', async () => {
  const response = await client.proxyRequest('user-1', 'GET', '/rest/api/3/issue/ACME-9999');
  assert.equal(response.status, 404);
  const told = [];
  const judge = () => assert.throws(() => response.raiseForStatus(), (error) => told.push(error) && error instanceof HttpError);
  judge();
  assert.ok(response.bytes().length > 0);
  judge();
  judge();
  assert.equal(told[0].status, 404);
  assert.ok(told[0].context.messages.length > 0);
  for (const error of told.slice(1)) assert.deepEqual({ ...error }, { ...told[0] });
});

const LISTING = ['user-1', '/rest/api/3/search/jql'];
const inTens = (own) => ({ params: { jql: 'project = ACME', maxResults: 10 }, ...own });

test('a listing gives items, whole pages, and a cursor to go on from', async () => {
  const all = [];
  for await (const issue of client.paginate(...LISTING, inTens())) all.push(issue.id);
  assert.equal(new Set(all).size, 57);

  const first = client.paginate(...LISTING, inTens());
  const some = [];
  for await (const issue of first) {
    some.push(issue.id);
    if (some.length === 13) break;
  }
  const { cursor } = first;
  const pages = [];
  for await (const page of client.paginate(...LISTING, inTens({ cursor })).pages()) pages.push(page);
  assert.deepEqual([...some, ...pages.flat().map((issue) => issue.id)], all);

  // The same iterator goes on, too, and ends without a cursor.
  for await (const page of first.pages()) some.push(...page.map((issue) => issue.id));
  assert.deepEqual(some, all);
  assert.equal(first.cursor, null);
  assert.deepEqual(await first[Symbol.asyncIterator]().next(), { done: true, value: undefined });
});

test('two loops over one listing share its items', async () => {
  const items = client.paginate(...LISTING, inTens());
  const found = [];
  const loop = async () => {
    for await (const issue of items) found.push(issue.id);
  };
  await Promise.all([loop(), loop(), loop()]);
  assert.equal(found.length, 57);
  assert.equal(new Set(found).size, 57);
});

/** A listing no other test asks for, so that requests to it can be counted. */
const LABELS = ['user-1', '/rest/api/3/label'];

async function holdSecondPage() {
  const { site } = await client.connection('user-1');
  return sandbox.hold(`/ex/jira/${site.cloudId}/rest/api/3/label`, 'before', 1);
}

for (const prefetch of [true, false]) {
  test(`the cursor stays true while a page is on its way, fetched ${prefetch ? 'ahead' : 'when wanted'}`, async () => {
    const held = await holdSecondPage();
    const items = client.paginate(...LABELS, { pageSize: 10, prefetch });
    const iterator = items[Symbol.asyncIterator]();
    for (let index = 0; index < 10; index++) await iterator.next();
    const { cursor } = items;
    const eleventh = iterator.next();
    await held.arrived();
    assert.equal(items.cursor, cursor);
    await held.release();
    const found = [(await eleventh).value];
    for await (const label of items) found.push(label);
    const again = [];
    for await (const label of client.paginate(...LABELS, { cursor })) again.push(label);
    assert.equal(again.length, 47);
    assert.deepEqual(found, again);
  });
}

test('a loop that is left lets go of what was fetched ahead, and can be gone on with', async () => {
  const held = await holdSecondPage();
  const items = client.paginate(...LABELS, { pageSize: 10 });
  const found = [];
  for await (const label of items) {
    found.push(label);
    await held.arrived();
    break;
  }
  // The request that waits is given up, not answered.
  await held.release();
  for await (const label of items) found.push(label);
  assert.equal(new Set(found).size, 57);
  assert.equal(found.length, 57);
});

test('connections are listed with a cursor after every one of them', async () => {
  const own = sandbox.client();
  for (const id of ['a', 'b', 'c']) await sandbox.connect(own, id, { tags: { team: id === 'b' ? 'red' : 'blue' } });
  const ids = async (options) => {
    const found = [];
    for await (const { id } of own.connections(options)) found.push(id);
    return found;
  };
  assert.deepEqual(await ids(), ['a', 'b', 'c']);
  assert.deepEqual(await ids({ tags: { team: 'blue' } }), ['a', 'c']);
  const listing = own.connections();
  for await (const connection of listing) {
    assert.ok(connection instanceof Connection);
    const rest = listing.cursor === null ? [] : await ids({ cursor: listing.cursor });
    assert.deepEqual(rest, ['a', 'b', 'c'].filter((id) => id > connection.id));
  }
  assert.equal(listing.cursor, null);
});

test('a connection moves, gives its token, is taken over and goes', async () => {
  await sandbox.connect(client, 'mover', { sites: ['acme', 'zeta'], account: 'grace' });
  assert.match((await client.selectSite('mover', 'zeta')).site.url, /zeta/);
  const token = await client.accessToken('mover');
  assert.equal((await sandbox.control('POST', '/tokens/inspect', { access_token: token })).state, 'live');
  assert.equal(await client.disconnect('mover'), undefined);
  await assert.rejects(client.connection('mover'), ConnectionNotFoundError);
});

test('a date given to importConnection arrives as the same date', async () => {
  const expiresAt = new Date(Date.now() + 1_800_000);
  const options = { refreshToken: 'held-elsewhere', accessToken: await client.accessToken('user-1'), expiresAt };
  const connection = await sandbox.client().importConnection('imported', options);
  assert.deepEqual(connection.accessExpiresAt, expiresAt);
});

test('a closed client says so, and closing again is no error', async () => {
  const own = sandbox.client();
  await own[Symbol.asyncDispose]();
  await own.close({ timeoutMs: 1000 });
  await assert.rejects(own.connection('user-1'), ClosedError);
});

test('await using closes the client at the end of its block', async () => {
  // Newer than the oldest Node there is a package for: compiled as a user would.
  const source = 'export async function block(own, use) { await using client = own; await use(client); }';
  const { outputText } = ts.transpileModule(source, { compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 } });
  const { block } = await import(`data:text/javascript,${encodeURIComponent(outputText)}`);
  const own = sandbox.client();
  await block(own, (client) => assert.rejects(client.connection('nobody'), ConnectionNotFoundError));
  await assert.rejects(own.connection('user-1'), ClosedError);
  const other = sandbox.client();
  const failing = () => Promise.reject(new RangeError('of the block itself'));
  await assert.rejects(block(other, failing), RangeError);
  await assert.rejects(other.connection('user-1'), ClosedError);
});

test('a loop over many results that is left ends what is under way, and a signal throws', async () => {
  const ids = Array(20).fill('user-1');
  const many = (options) => client.proxyRequestMany(ids, 'GET', '/rest/api/3/myself', { concurrency: 2, ...options });
  let seen = 0;
  const results = many();
  for await (const { response, error } of results) {
    assert.deepEqual([response.status, error], [200, null]);
    if (++seen === 3) break;
  }
  for await (const _ of results) assert.fail('it has ended');
  const abort = new AbortController();
  await assert.rejects(async () => {
    for await (const _ of many({ signal: abort.signal })) abort.abort();
  }, { code: 'cancelled' });
});
