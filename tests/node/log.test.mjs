// `onLog`: what threelo writes for people, told beside the calls, harmless whatever the listener does, without a secret.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { Client, InvalidConfigError, LogLine } from 'threelo';

import { folder, OFFLINE, ROOT, Sandbox } from './support.mjs';

const sandbox = await Sandbox.start();
const KEY_FILE = /no encryption key was given/;

/** A listener, and what resolves once it has heard a line that matches. */
function listener(react = () => {}) {
  const heard = [];
  const waiting = [];
  const onLog = (line) => {
    heard.push(line);
    for (const { words, resolve } of waiting) if (words.test(line.message)) resolve(line);
    return react(line);
  };
  const of = (words) => {
    const known = heard.find((line) => words.test(line.message));
    return known ?? new Promise((resolve) => waiting.push({ words, resolve }));
  };
  return { onLog, heard, of };
}

test('a line says how much it matters, when it was written, and the details behind it', async () => {
  const { onLog, of } = listener();
  const started = Date.now();
  const store = join(folder(), 'threelo.db');
  sandbox.client({ store, onLog });
  const line = await of(KEY_FILE);
  assert.ok(line instanceof LogLine);
  assert.equal(line.level, 'warning');
  assert.ok(line.at instanceof Date && line.at >= started && line.at <= Date.now());
  assert.deepEqual(line.details, { path: `${store}.key` });
  assert.ok(line.message.endsWith(`(path=${store}.key)`), line.message);
});

test('a line has the fields that are listed', async () => {
  const { onLog, of } = listener();
  sandbox.client({ store: join(folder(), 'threelo.db'), onLog });
  const listed = readFileSync(join(ROOT, 'api.toml'), 'utf8').split('[log.line]\n')[1].split('\n').filter((row) => row.includes(' = {'));
  assert.deepEqual(Object.keys(await of(KEY_FILE)), listed.map((row) => row.split(' = ')[0]));
});

test('no secret is in any line', async () => {
  const { onLog, heard, of } = listener();
  const store = join(folder(), 'threelo.db');
  const client = sandbox.client({ store, onLog });
  const session = await client.connect('user-1', { binding: 'canary-binding', site: 'acme' });
  const { callback } = await sandbox.control('POST', '/consent', { url: session.url, account: 'ada', sites: ['acme'] });
  await client.complete(callback, { binding: 'canary-binding' });
  const secrets = [sandbox.options().clientSecret, 'canary', session.state, new URL(callback).searchParams.get('code')];
  for (const kind of [{ status: 500 }, { reset: 'after' }, { html: 502 }]) {
    secrets.push(await client.accessToken('user-1'));
    await sandbox.control('POST', '/faults', { path: '/oauth/token', kind, times: 1 });
    const other = sandbox.client({ store });
    await other.refresh('user-1', { timeoutMs: 5000 }).catch(() => {});
    await other.close();
    await sandbox.control('DELETE', '/faults');
  }
  await client.disconnect('user-1');
  await of(/revocation was tried/);
  const told = JSON.stringify(heard);
  assert.match(told, /exchange/);
  assert.deepEqual(secrets.filter((secret) => told.includes(secret)), []);
});

for (const [how, react] of [
  ['throws', () => assert.fail('the fault of the listener')],
  ['rejects', async () => assert.fail('the fault of the listener')],
]) {
  test(`a listener that ${how} becomes a warning and hears what comes next`, async () => {
    const { onLog, of } = listener(react);
    const warned = once(process, 'warning');
    const client = sandbox.client({ store: join(folder(), 'threelo.db'), onLog });
    await of(KEY_FILE);
    const [warning] = await warned;
    assert.equal(warning.name, 'ThreeloWarning');
    assert.match(warning.message, /onLog threw.*the fault of the listener/s);
    const again = once(process, 'warning');
    await sandbox.connect(client, 'user-1');
    await client.refresh('user-1');
    await of(/exchange/);
    await again;
  });
}

test('a listener that never finishes holds up nothing but itself', async () => {
  const { onLog, heard, of } = listener(() => new Promise(() => {}));
  const client = sandbox.client({ store: join(folder(), 'threelo.db'), onLog });
  await of(KEY_FILE);
  const { generation } = await sandbox.connect(client, 'user-2');
  assert.equal((await client.refresh('user-2')).generation, generation + 1);
  assert.equal(heard.length, 1);
});

test('a closed client hears no more', async () => {
  const closed = listener();
  const open = listener();
  const client = sandbox.client({ onLog: closed.onLog });
  const { onLog } = open;
  await client.close();
  sandbox.client({ store: join(folder(), 'threelo.db'), onLog });
  await open.of(KEY_FILE);
  assert.deepEqual(closed.heard.filter((line) => KEY_FILE.test(line.message)), []);
});

test('what cannot be called is refused by its name', () => {
  const refused = (error) => error instanceof InvalidConfigError && error.context.option === 'onLog';
  assert.throws(() => new Client({ ...OFFLINE, onLog: 'console.log' }), refused);
});
