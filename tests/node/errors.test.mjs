// Errors: their classes, what they carry, and where they say they come from.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';

import * as threelo from 'threelo';

import { OFFLINE, Sandbox } from './support.mjs';

const { Client, ConnectionNotFoundError, InvalidConfigError, ThreeloError } = threelo;
const { errorFrom } = createRequire(import.meta.url)('../../bindings-node/lib/fail.js');
const here = fileURLToPath(import.meta.url);

const failed = async (promise) => {
  const error = await promise.then(() => undefined, (error) => error);
  assert.ok(error, 'the call did not fail');
  return error;
};

test('an error is of the class of its code, with everything the core says', async (t) => {
  const client = new Client(OFFLINE);
  t.after(() => client.close());
  const error = await failed(client.connection('nobody'));
  assert.ok(error instanceof ConnectionNotFoundError && error instanceof ThreeloError && error instanceof Error);
  assert.equal(error.name, 'ConnectionNotFoundError');
  assert.equal(error.code, 'connection_not_found');
  assert.match(error.hint, /connect\(\)/);
  assert.equal(error.retryable, false);
  assert.equal(error.status, null);
  assert.equal(typeof error.context, 'object');
  assert.equal(String(error), `ConnectionNotFoundError: ${error.message}`);
});

test('a code this version does not know is a plain ThreeloError', () => {
  const failure = { code: 'of_the_future', message: 'm', hint: 'h', retryable: true, status: 418, context: '{"a_b":[1]}' };
  const error = errorFrom(failure, errorFrom);
  assert.equal(error.constructor, ThreeloError);
  assert.deepEqual([error.code, error.hint, error.retryable, error.status], ['of_the_future', 'h', true, 418]);
  assert.deepEqual(error.context, { a_b: [1] });
  assert.equal('cause' in error, false);
});

test('the stack names the caller, however it waits', async (t) => {
  const client = new Client(OFFLINE);
  t.after(() => client.close());
  const waits = {
    awaiting: async () => await client.refresh('nobody'),
    later: async () => {
      const pending = client.refresh('nobody');
      await null;
      await pending;
    },
    together: async () => await Promise.all([client.refresh('nobody')]),
    // A `then` in between is no async function and cannot be named, but who awaits it is.
    chained: async () => await client.refresh('nobody').then((it) => it),
    requesting: async () => await client.proxyRequest('nobody', 'GET', '/rest/api/3/myself'),
    iterating: async () => {
      for await (const item of client.paginate('nobody', '/rest/api/3/search/jql')) assert.fail(String(item));
    },
    uploading: async () => await client.proxyRequest('nobody', 'POST', '/rest/api/3/x', { files: Buffer.from('x') }),
    askingMany: async () => {
      for await (const { error } of client.proxyRequestMany(['nobody'], 'GET', '/rest/api/3/myself')) throw error;
    },
  };
  for (const [name, wait] of Object.entries(waits)) {
    const { stack } = await failed(wait());
    assert.match(stack, /^ConnectionNotFoundError: /);
    assert.ok(stack.includes(here), `${name}: ${stack}`);
    if (name !== 'chained') assert.ok(stack.includes(name), `${name}: ${stack}`);
  }
});

test('the stack names who saves a body', async () => {
  const sandbox = await Sandbox.start();
  const client = sandbox.client();
  await sandbox.connect(client, 'user-42');
  const response = await client.proxyRequest('user-42', 'GET', '/rest/api/3/myself');
  const saving = async () => await response.save('/no/such/folder/file');
  const { stack } = await failed(saving());
  assert.ok(stack.includes('saving') && stack.includes(here), stack);
});

test('the stack of an error thrown at once begins at the caller', () => {
  assert.throws(
    () => new Client({}),
    (error) => error instanceof InvalidConfigError && error.stack.split('\n')[1].includes(here),
  );
});

test('what console.log shows of a client and a session holds no secret', async (t) => {
  const client = new Client({ ...OFFLINE, encryptionKey: Buffer.alloc(32, 'canary') });
  t.after(() => client.close());
  const session = await client.connect('user-1', { binding: 'canary-binding' });
  const state = new URL(session.url).searchParams.get('state');
  assert.equal(session.state, state);
  const shown = inspect([client, session], { depth: 9, showHidden: true });
  assert.ok(!shown.includes('canary') && !shown.includes(state), shown);
  assert.match(shown, /ConnectSession \{/);
  assert.match(shown, /https:\/\/auth\.atlassian\.com\/authorize/);
});
