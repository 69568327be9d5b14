// Events: told beside the calls, and harmless whatever the subscriber does.

import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { test } from 'node:test';

import { Event } from 'threelo';

import { Sandbox } from './support.mjs';

const sandbox = await Sandbox.start();

/** A subscriber, and what resolves once it has heard of something. */
function subscriber(react = () => {}) {
  const heard = [];
  const waiting = new Map();
  const onEvent = (event) => {
    heard.push(event);
    waiting.get(event.kind)?.(event);
    return react(event);
  };
  const of = (kind) => {
    const known = heard.find((event) => event.kind === kind);
    return known ?? new Promise((resolve) => waiting.set(kind, resolve));
  };
  return { onEvent, heard, of };
}

test('events carry their kind, their time and what they are about', async () => {
  const { onEvent, of } = subscriber();
  const client = sandbox.client({ onEvent });
  const started = Date.now();
  const connection = await sandbox.connect(client, 'user-1');
  const connected = await of('connected');
  assert.ok(connected instanceof Event);
  assert.equal(connected.connectionId, 'user-1');
  assert.ok(connected.at instanceof Date && connected.at >= started && connected.at <= Date.now());
  await client.refresh('user-1');
  assert.equal((await of('rotated')).grantId, connection.grantId);
});

test('a subscriber sees the async context its client was made in', async () => {
  const tenant = new AsyncLocalStorage();
  const { onEvent, of } = subscriber(() => seen.push(tenant.getStore()));
  const seen = [];
  const client = tenant.run('acme', () => sandbox.client({ onEvent }));
  await tenant.run('another', () => sandbox.connect(client, 'user-context'));
  await of('connected');
  await client.refresh('user-context');
  await of('rotated');
  assert.ok(seen.length >= 2 && seen.every((store) => store === 'acme'), String(seen));
});

for (const [how, react] of [
  ['throws', () => assert.fail('the fault of the subscriber')],
  ['rejects', async () => assert.fail('the fault of the subscriber')],
  ['throws no error', () => {
    throw 'the fault of the subscriber';
  }],
]) {
  test(`a subscriber that ${how} becomes a warning and hears what comes next`, async () => {
    const { onEvent, of } = subscriber(react);
    const client = sandbox.client({ onEvent });
    const warned = once(process, 'warning');
    await sandbox.connect(client, 'user-2');
    const [warning] = await warned;
    assert.equal(warning.name, 'ThreeloWarning');
    assert.match(warning.message, /onEvent threw.*the fault of the subscriber/s);
    const again = once(process, 'warning');
    await client.refresh('user-2');
    await of('rotated');
    await again;
  });
}

test('a subscriber that never finishes holds up nothing but itself', async () => {
  const { onEvent, heard, of } = subscriber(() => new Promise(() => {}));
  const client = sandbox.client({ onEvent });
  await sandbox.connect(client, 'user-3');
  await of('connected');
  const { generation } = await client.refresh('user-3');
  assert.equal((await client.refresh('user-3')).generation, generation + 1);
  assert.equal(heard.length, 1);
});
