// AbortSignal: ends a call, is left as it was found, and never ends a rotation.

import assert from 'node:assert/strict';
import { EventEmitter, getEventListeners, once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';

import { CancelledError, ConnectionNotFoundError, TimeoutError } from 'threelo';

import { busy, folder, Sandbox } from './support.mjs';

const sandbox = await Sandbox.start();
const client = sandbox.client();
await sandbox.connect(client, 'user-1');

const cancelled = (cause) => (error) => {
  assert.ok(error instanceof CancelledError, error.stack);
  assert.equal(error.code, 'cancelled');
  assert.equal(error.cause, cause);
  return true;
};

test('an aborted signal keeps the call from starting', async () => {
  await sandbox.control('DELETE', '/log');
  const signal = AbortSignal.abort('no more');
  await assert.rejects(client.proxyRequest('user-1', 'GET', '/rest/api/3/myself', { signal }), cancelled('no more'));
  await assert.rejects(client.connection('user-1', { signal }), cancelled('no more'));
  const items = client.paginate('user-1', '/rest/api/3/project/search', { signal });
  await assert.rejects(items[Symbol.asyncIterator]().next(), cancelled('no more'));
  // A call that is made reaches the sandbox after these would have.
  await client.proxyRequest('user-1', 'GET', '/rest/api/3/serverInfo');
  const { requests } = await sandbox.control('GET', '/log');
  assert.deepEqual(requests.map((request) => request.path.replace(/.*\//, '')), ['serverInfo']);
});

test('aborting ends a call under way with the reason as its cause', async () => {
  const held = await sandbox.hold('/ex/jira/*');
  const controller = new AbortController();
  const { signal } = controller;
  let own = 0;
  signal.onabort = () => own++;
  const call = client.proxyRequest('user-1', 'GET', '/rest/api/3/myself', { signal });
  await held.arrived();
  const reason = new Error('the user left');
  controller.abort(reason);
  await assert.rejects(call, cancelled(reason));
  await assert.rejects(client.connection('user-1', { signal }), cancelled(reason));
  assert.equal(own, 1, "the caller's own onabort was called");
  assert.equal(getEventListeners(signal, 'abort').length, 1, 'only the onabort of the caller is left');
  await held.release();
});

test('a call that ends by itself leaves nothing at the signal', async () => {
  const { signal } = new AbortController();
  await client.proxyRequest('user-1', 'GET', '/rest/api/3/myself', { signal });
  await assert.rejects(client.connection('nobody', { signal }), ConnectionNotFoundError);
  await assert.rejects(client.connection('user-1', { signal, timeoutMs: -1 }));
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});

test('many calls may share a signal', async (t) => {
  const warnings = [];
  const listen = (warning) => warnings.push(warning);
  process.on('warning', listen);
  t.after(() => process.off('warning', listen));
  const held = await sandbox.hold('/ex/jira/*');
  const controller = new AbortController();
  const { signal } = controller;
  const calls = Array.from({ length: 40 }, () => client.proxyRequest('user-1', 'GET', '/rest/api/3/myself', { signal }));
  const outcomes = Promise.allSettled(calls);
  await held.arrived();
  controller.abort();
  for (const { reason } of await outcomes) cancelled(signal.reason)(reason);
  await held.release();
  assert.deepEqual(warnings, []);
});

test('aborting a wait for a rotation does not end the rotation', async () => {
  const events = new EventEmitter();
  const client = sandbox.client({ onEvent: ({ kind }) => events.emit(kind) });
  const { generation } = await sandbox.connect(client, 'user-2', { account: 'grace' });
  const held = await sandbox.hold('/oauth/token', 'after');
  const controller = new AbortController();
  const call = client.refresh('user-2', { signal: controller.signal });
  await held.arrived();
  controller.abort();
  await assert.rejects(call, CancelledError);
  const rotated = once(events, 'rotated');
  await held.release();
  await rotated;
  assert.equal((await client.connection('user-2')).generation, generation + 1);
});

test('aborting at any turn of the event loop neither cancels nor repeats a rotation', async () => {
  const client = sandbox.client();
  const { generation: first } = await sandbox.connect(client, 'user-3', { account: 'grace' });
  await sandbox.control('DELETE', '/log');
  let aborted = 0;
  let generation = first;
  for (let turns = 0; turns < 25; turns++) {
    const controller = new AbortController();
    const call = client.refresh('user-3', { signal: controller.signal }).catch((error) => {
      assert.ok(error instanceof CancelledError, error.stack);
      aborted++;
    });
    for (let turn = 0; turn < turns; turn++) await setImmediate();
    controller.abort();
    await call;
    const { generation: after } = await client.refresh('user-3');
    assert.ok(after > generation);
    generation = after;
  }
  const { counts } = await sandbox.control('GET', '/log');
  assert.ok(aborted > 0);
  assert.deepEqual([counts.refresh_exchanges, counts.replays], [generation - first, 0]);
});

test('timeoutMs ends a call with TimeoutError', async () => {
  const held = await sandbox.hold('/ex/jira/*');
  await assert.rejects(client.proxyRequest('user-1', 'GET', '/rest/api/3/myself', { timeoutMs: 50 }), TimeoutError);
  await held.release();
});

test('an aborted listing can be gone on with', async () => {
  const controller = new AbortController();
  const items = client.paginate('user-1', '/rest/api/3/search/jql', { params: { jql: 'project = ACME', maxResults: 10 }, signal: controller.signal });
  const found = [];
  await assert.rejects(async () => {
    for await (const item of items) {
      found.push(item.id);
      if (found.length === 10) controller.abort();
    }
  }, CancelledError);
  assert.equal(found.length, 10);
  const rest = client.paginate('user-1', '/rest/api/3/search/jql', { params: { jql: 'project = ACME', maxResults: 10 }, cursor: items.cursor });
  for await (const item of rest) found.push(item.id);
  assert.equal(new Set(found).size, 57);
  assert.equal(found.length, 57);
});

const SEARCH = '/rest/api/3/search/jql';
const params = { jql: 'project = ACME', maxResults: 10 };

/** What a listing and one that goes on from its cursor give together, if the first is aborted by `end`. */
async function inTwo(options, end) {
  const controller = new AbortController();
  const items = client.paginate('user-1', SEARCH, { params, signal: controller.signal, ...options });
  const begun = items[Symbol.asyncIterator]();
  const found = [];
  for (let item = 0; item < 10; item++) found.push((await begun.next()).value.id);
  const next = begun.next().then(({ value }) => found.push(value.id), cancelled('enough'));
  await end();
  controller.abort('enough');
  await next;
  // At once: the call that was aborted may still be on its way out.
  for await (const { id } of client.paginate('user-1', SEARCH, { params, cursor: items.cursor })) found.push(id);
  return found;
}

test('the cursor of a listing leads on from where it was aborted, while a page is on its way', async () => {
  for (let time = 0; time < 10; time++) {
    const held = await sandbox.hold('/ex/jira/*', 'before', 1);
    const found = await inTwo({ prefetch: false }, async () => {
      await held.arrived();
      void held.release();
    });
    assert.deepEqual([found.length, new Set(found).size], [57, 57]);
  }
});

test('the cursor of a listing leads on from where it was aborted, when a page has come that nobody has seen', async () => {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  for (let ms = 0; ms < 40; ms += 4) {
    // JavaScript is busy while the page comes, and the signal is aborted before it can be handed over.
    const found = await inTwo({ prefetch: false }, () => void Atomics.wait(clock, 0, 0, ms));
    assert.deepEqual([found.length, new Set(found).size], [57, 57], `after ${ms} ms`);
  }
});

/** A server that gives one answer and then none; `came` and `gone` tell of the requests after it. */
async function oneAnswer(t, body) {
  const told = new EventEmitter();
  let gave = body === undefined;
  const server = createServer((request, response) => {
    if (!gave) {
      gave = true;
      return response.end(JSON.stringify(body));
    }
    request.socket.on('close', () => told.emit('gone'));
    told.emit('came');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { told, api: `http://127.0.0.1:${server.address().port}` };
}

/** Resolves when `emitter` has told of `event` so many times. */
function times(emitter, event, count) {
  return new Promise((resolve) => emitter.on(event, () => --count === 0 && resolve()));
}

test('an aborted listing ends what was fetched ahead', { timeout: 20_000 }, async (t) => {
  const store = `${folder()}/threelo.db`;
  await sandbox.connect(sandbox.client({ store }), 'user-1');
  const page = { startAt: 0, maxResults: 2, total: 100, isLast: false, values: [{ id: '1' }, { id: '2' }] };
  const { told, api } = await oneAnswer(t, page);
  const [came, gone] = [times(told, 'came', 4), times(told, 'gone', 4)];
  const own = sandbox.client({ store, endpoints: { auth: sandbox.url, api } });
  const controller = new AbortController();
  const items = own.paginate('user-1', '/rest/api/3/project/search', { parallel: 4, signal: controller.signal });
  const pages = items.pages();
  await pages.next();
  const waiting = pages.next();
  await came;
  const others = busy(client, 'user-1');
  controller.abort();
  await assert.rejects(waiting, CancelledError);
  await gone;
  await others;
  assert.equal(typeof items.cursor, 'string');
});

test('aborting a call for many ends those under way', { timeout: 20_000 }, async (t) => {
  const store = `${folder()}/threelo.db`;
  const connecting = sandbox.client({ store });
  const ids = ['user-1', 'user-2', 'user-3'];
  for (const id of ids) await sandbox.connect(connecting, id);
  const { told, api } = await oneAnswer(t);
  const [came, gone] = [times(told, 'came', 3), times(told, 'gone', 3)];
  const own = sandbox.client({ store, endpoints: { auth: sandbox.url, api } });
  const controller = new AbortController();
  const results = own.proxyRequestMany(ids, 'GET', '/rest/api/3/myself', { signal: controller.signal });
  const next = results[Symbol.asyncIterator]().next();
  await came;
  const others = busy(client, 'user-1');
  controller.abort();
  await assert.rejects(next, CancelledError);
  await gone;
  await others;
  assert.ok(results);
});

test('what is no signal is refused before anything is sent', async () => {
  await sandbox.control('DELETE', '/log');
  for (const signal of [{}, 'soon', 7, new EventEmitter()]) {
    const call = client.proxyRequest('user-1', 'PUT', '/rest/api/3/_echo', { json: {}, signal });
    await assert.rejects(call, { name: 'TypeError', message: /signal.*AbortSignal/ });
  }
  await client.proxyRequest('user-1', 'GET', '/rest/api/3/serverInfo');
  const { requests } = await sandbox.control('GET', '/log');
  assert.deepEqual(requests.map((request) => request.path.replace(/.*\//, '')), ['serverInfo']);
});

test('a call that cannot be started leaves nothing at the signal, and does not keep the process', async () => {
  const { signal } = new AbortController();
  const response = await client.proxyRequest('user-1', 'GET', '/rest/api/3/myself', { signal });
  await assert.rejects(response.save(7), /String/);
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});

for (const whole of [false, true]) {
  test(`a loop over ${whole ? 'pages' : 'items'} that is left ends what was fetched ahead`, async () => {
    const store = `${folder()}/threelo.db`;
    const connecting = sandbox.client({ store });
    await sandbox.connect(connecting, 'user-1');
    const page = { startAt: 0, maxResults: 2, total: 100, isLast: false, values: [{ id: '1' }, { id: '2' }] };
    const later = new EventEmitter();
    let gave = false;
    const server = createServer((request, response) => {
      if (gave) {
        request.on('close', () => later.emit('gone'));
        later.emit('came');
      } else {
        gave = true;
        response.end(JSON.stringify(page));
      }
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const api = `http://127.0.0.1:${server.address().port}`;
    const own = sandbox.client({ store, endpoints: { auth: sandbox.url, api } });
    const items = own.paginate('user-1', '/rest/api/3/project/search');
    const [came, gone] = [once(later, 'came'), once(later, 'gone')];
    for await (const _ of whole ? items.pages() : items) {
      await came;
      break;
    }
    await gone;
    server.close();
  });
}
