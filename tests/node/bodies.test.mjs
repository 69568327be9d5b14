// Files on their way out and bodies on their way in, as JavaScript has them. What both languages promise is in the
// vectors.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createReadStream, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';

import { CancelledError, InvalidArgumentError, ResponseTruncatedError } from 'threelo';

import { busy, folder, Sandbox } from './support.mjs';

const ATTACHMENTS = '/rest/api/3/issue/ACME-1/attachments';
const sandbox = await Sandbox.start();
const store = join(folder(), 'threelo.db');
const client = sandbox.client({ store });
await sandbox.connect(client, 'user-42');

/** Uploads and fetches back: names and contents. */
async function upload(files, options) {
  const made = await client.proxyRequest('user-42', 'POST', ATTACHMENTS, { files, ...options });
  const fetched = made.raiseForStatus().json().map(async ({ id, filename }) => {
    const content = await client.proxyRequest('user-42', 'GET', `/rest/api/3/attachment/content/${id}`);
    return [filename, content.text()];
  });
  return Promise.all(fetched);
}

/** A server that answers one request piece by piece, when the test says so. */
async function steps(length) {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => server.close());
  const api = `http://127.0.0.1:${server.address().port}`;
  const taken = once(server, 'connection').then(async ([socket]) => {
    await once(socket, 'data');
    socket.on('error', () => {});
    socket.write(`HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n`);
    return socket;
  });
  const asking = sandbox.client({ store, endpoints: { auth: sandbox.url, api } });
  const ask = (options) => asking.proxyRequest('user-42', 'GET', '/rest/api/3/x', { stream: true, ...options });
  return { ask, taken, client: asking };
}

/** A source that tells that it was begun and closed. */
function generator(pieces = Infinity) {
  const source = { begun: resolvers(), closed: resolvers() };
  source.pieces = (async function* () {
    try {
      for (let sent = 0; sent < pieces; sent++) {
        source.begun.resolve();
        yield Buffer.from('piece '.repeat(1000));
      }
    } finally {
      source.closed.resolve();
    }
  })();
  return source;
}

function resolvers() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}

test('every kind of file arrives', async () => {
  const path = join(folder(), 'report.txt');
  writeFileSync(path, 'from a path');
  const arrived = await upload([
    path,
    Buffer.from('buffer'),
    new Uint8Array([97, 98]),
    new Blob(['blob']),
    new File(['file'], 'named.txt'),
    new Blob(['stream']).stream(),
    createReadStream(path),
    [Buffer.from('one '), Buffer.from('two')][Symbol.iterator](),
    { content: [Buffer.from('listed '), Buffer.from('pieces')], filename: 'pieces.bin' },
    { content: path, filename: 'other.txt' },
  ]);
  assert.deepEqual(arrived, [
    ['report.txt', 'from a path'],
    ['file', 'buffer'],
    ['file', 'ab'],
    ['file', 'blob'],
    ['named.txt', 'file'],
    ['file', 'stream'],
    ['report.txt', 'from a path'],
    ['file', 'one two'],
    ['pieces.bin', 'listed pieces'],
    ['other.txt', 'from a path'],
  ]);
  assert.deepEqual(await upload(Buffer.from('alone')), [['file', 'alone']]);
});

test('a blob is sent again, from its beginning', async () => {
  const kind = { status: 503, headers: { 'retry-after': '0' } };
  await sandbox.control('POST', '/faults', { path: '/ex/jira/*', kind, times: 1 });
  assert.deepEqual(await upload(new Blob(['from the beginning'])), [['file', 'from the beginning']]);
});

test('what is no file is refused', async () => {
  for (const files of [7, null, {}, () => {}, { content: 7 }, [Buffer.from('x'), true]]) {
    await assert.rejects(client.proxyRequest('user-42', 'POST', ATTACHMENTS, { files }), (error) => {
      assert.ok(error instanceof InvalidArgumentError);
      return error.context.option === 'files';
    });
  }
});

test('what a source throws is the cause', async () => {
  async function* broken() {
    yield Buffer.from('begun');
    throw new RangeError('mine');
  }
  for (const [files, cause] of [[broken(), RangeError], [['text'][Symbol.iterator](), TypeError]]) {
    await assert.rejects(client.proxyRequest('user-42', 'POST', ATTACHMENTS, { files }), (error) => {
      assert.ok(error instanceof InvalidArgumentError, String(error));
      return error.cause instanceof cause;
    });
  }
});

test('sources are closed after success, after a refusal, and when the call is aborted', { timeout: 20_000 }, async () => {
  const [good, refused, endless] = [generator(2), generator(2), generator()];
  assert.equal((await upload(good.pieces))[0][1].length, 12_000);
  await good.closed.promise;
  await refused.pieces.next();
  await assert.rejects(upload(refused.pieces, { json: {} }), InvalidArgumentError);
  await refused.closed.promise;

  const held = await sandbox.hold('/ex/jira/*');
  const abort = new AbortController();
  const call = upload(endless.pieces, { signal: abort.signal });
  await endless.begun.promise;
  abort.abort();
  await assert.rejects(call, CancelledError);
  await endless.closed.promise;
  await held.release();
});

test('a stream that waits for more is closed when the call is aborted', { timeout: 20_000 }, async () => {
  const [begun, cancelled, abort] = [resolvers(), resolvers(), new AbortController()];
  const files = new ReadableStream({ pull: () => (begun.resolve(), new Promise(() => {})), cancel: cancelled.resolve });
  const call = upload(files, { signal: abort.signal });
  await begun.promise;
  abort.abort();
  await assert.rejects(call, CancelledError);
  await cancelled.promise;
});

test('a body is read while it arrives', { timeout: 20_000 }, async () => {
  const { ask, taken } = await steps(10);
  const response = await ask();
  assert.throws(() => response.bytes(), InvalidArgumentError);
  const pieces = response.body[Symbol.asyncIterator]();
  for (const piece of ['first', 'later']) {
    (await taken).write(piece);
    assert.equal(Buffer.from((await pieces.next()).value).toString(), piece);
  }
  assert.equal((await pieces.next()).done, true);
});

test('a body that breaks off is an error and never an end', { timeout: 20_000 }, async () => {
  const { ask, taken } = await steps(10);
  const response = await ask();
  (await taken).end('first');
  const read = async () => {
    for await (const piece of response.body) assert.equal(Buffer.from(piece).toString(), 'first');
  };
  await assert.rejects(read, ResponseTruncatedError);
});

test('whoever stops reading gives the connection up', { timeout: 20_000 }, async () => {
  const ways = [
    (response) => response.body.cancel(),
    (response) => response.close(),
    (response) => response[Symbol.asyncDispose](),
    async (response) => {
      for await (const piece of response.body) if (piece) break;
    },
  ];
  for (const way of ways) {
    const { ask, taken } = await steps(10);
    const response = await ask();
    const socket = await taken;
    socket.write('first');
    const left = once(socket, 'close');
    await way(response);
    socket.resume();
    await left;
  }
});

test('a signal ends a body as well, and so does closing the client', { timeout: 20_000 }, async () => {
  const abort = new AbortController();
  const first = await steps(10);
  const response = await first.ask({ signal: abort.signal });
  const left = once(await first.taken, 'close');
  const reading = response.body.getReader().read();
  abort.abort(new Error('enough'));
  await assert.rejects(reading, (error) => error instanceof CancelledError && error.cause.message === 'enough');
  await left;

  const second = await steps(10);
  const waiting = (await second.ask()).body.getReader().read();
  await second.client.close();
  await assert.rejects(waiting, CancelledError);
});

test('a body whose read was aborted gives the connection up, though somebody keeps the response', { timeout: 20_000 }, async () => {
  for (let time = 0; time < 10; time++) {
    const abort = new AbortController();
    const { ask, taken } = await steps(10);
    const response = await ask({ signal: abort.signal });
    const left = once(await taken, 'close');
    (await taken).write('first');
    const reader = response.body.getReader();
    await reader.read();
    const reading = reader.read();
    await setImmediate();
    const others = busy(client, 'user-42');
    abort.abort();
    await assert.rejects(reading, CancelledError);
    (await taken).resume();
    await left;
    await others;
    assert.equal(response.status, 200);
  }
});

test('bodies that nobody has read do not pile up', { timeout: 60_000 }, async () => {
  // They are outside of JavaScript's heap, whose collector comes only if it knows of them.
  const length = 16 * 2 ** 20;
  const content = Buffer.alloc(length);
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n`);
      socket.end(content);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => server.close());
  const api = `http://127.0.0.1:${server.address().port}`;
  const asking = sandbox.client({ store, endpoints: { auth: sandbox.url, api } });
  const before = process.memoryUsage().rss;
  let most = 0;
  for (let call = 0; call < 40; call++) {
    const { status } = await asking.proxyRequest('user-42', 'GET', '/rest/api/3/x');
    assert.equal(status, 200);
    most = Math.max(most, process.memoryUsage().rss - before);
  }
  assert.ok(most < 20 * length, `${most} bytes were kept of 40 bodies of ${length}`);
});

test('a file has its name only when it is whole', { timeout: 20_000 }, async () => {
  const place = join(folder(), 'folder');
  const wanted = join(place, 'report.txt');
  const there = () => readdirSync(place).map((name) => readFileSync(join(place, name), 'utf8'));
  mkdirSync(place);
  writeFileSync(wanted, 'what was there before');
  const cut = await steps(10);
  const broken = await cut.ask();
  (await cut.taken).end('first');
  await assert.rejects(broken.save(wanted), ResponseTruncatedError);
  assert.deepEqual(there(), ['what was there before']);
  const whole = await steps(10);
  const response = await whole.ask();
  (await whole.taken).end('0123456789');
  await assert.rejects(response.save(place), InvalidArgumentError);
  assert.equal(await response.save(wanted), 10);
  assert.deepEqual(there(), ['0123456789']);
});

test('a body that was read can be had in pieces and saved', async () => {
  const path = join(folder(), 'me.json');
  const response = await client.proxyRequest('user-42', 'GET', '/rest/api/3/myself');
  const pieces = [];
  for await (const piece of response.body) pieces.push(piece);
  assert.equal(Buffer.concat(pieces).toString(), response.text());
  const again = await client.proxyRequest('user-42', 'GET', '/rest/api/3/myself');
  assert.equal(await again.save(path), again.bytes().length);
  assert.equal(readFileSync(path, 'utf8'), again.text());
});
