// What the face makes of options. What is accepted is decided in the core; here it shows that every name and value
// reaches it as it was written.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Client, InvalidArgumentError, InvalidConfigError } from 'threelo';

import { OFFLINE } from './support.mjs';

const refused = (option, given) => (error) => {
  assert.ok(error instanceof InvalidConfigError, error.stack);
  assert.equal(error.code, 'invalid_config');
  assert.equal(error.context.option, option);
  assert.ok(error.message.includes(`\`${option}\``), error.message);
  if (given) assert.equal(error.context.given, given);
  return true;
};

test('an option that is missing, unknown or bad is named as the caller wrote it', () => {
  const cases = [
    [undefined, 'clientId'],
    [{}, 'clientId'],
    [{ ...OFFLINE, redirectUri: undefined }, 'redirectUri', 'missing'],
    [{ ...OFFLINE, client_id: 'snake' }, 'client_id'],
    [{ ...OFFLINE, clientID: 'x' }, 'clientID'],
    [{ ...OFFLINE, scopes: 'read:jira-work' }, 'scopes'],
    [{ ...OFFLINE, redirectUri: 'http://app.example.com/' }, 'redirectUri'],
    [{ ...OFFLINE, sitePolicy: 'last' }, 'sitePolicy'],
    [{ ...OFFLINE, encryptionKey: new Uint8Array(31) }, 'encryptionKey'],
    [{ ...OFFLINE, onEvent: 'not a function' }, 'onEvent'],
  ];
  for (const [options, name, given] of cases) assert.throws(() => new Client(options), refused(name, given), name);
});

test('values that JSON would lose are refused instead of ignored', () => {
  for (const maxBodyBytes of [NaN, Infinity, 10n]) {
    assert.throws(() => new Client({ ...OFFLINE, maxBodyBytes }), refused('maxBodyBytes', `"${maxBodyBytes}"`));
  }
  assert.throws(() => new Client({ ...OFFLINE, scopes: () => {} }), refused('scopes'));
});

test('a refused secret is not repeated', () => {
  const secret = ['canary', 'in', 'a', 'list'];
  assert.throws(
    () => new Client({ ...OFFLINE, clientSecret: secret }),
    (error) => refused('clientSecret')(error) && !JSON.stringify([error.stack, error]).includes('canary'),
  );
});

test('keys are taken as bytes, as base64 and as a list of both', async () => {
  const bytes = new Uint8Array(32).fill(7);
  const text = Buffer.from(bytes).toString('base64');
  for (const encryptionKey of [bytes, Buffer.from(bytes), text, [bytes, text]]) {
    await new Client({ ...OFFLINE, encryptionKey }).close();
  }
});

test('an argument of a verb is named as the caller wrote it', async () => {
  const client = new Client(OFFLINE);
  const cases = [
    [() => client.connect('user-1'), 'binding'],
    [() => client.connect('user-1', { binding: 'b', allow_account_change: true }), 'allow_account_change'],
    [() => client.connect('user-1', { binding: 'b', allowAccountChange: 1 }), 'allowAccountChange'],
    [() => client.complete(7, { binding: 'b' }), 'callbackUrl'],
    [() => client.refresh(), 'id'],
    [() => client.refresh('user-1', { timeoutMs: -1 }), 'timeoutMs'],
    [() => client.refresh('user-1', { timeoutMs: Infinity }), 'timeoutMs'],
    [() => client.refresh('user-1', { timeout: 1 }), 'timeout'],
    [() => client.proxyRequest('user-1', 'GET', '/x', { retry: 'always' }), 'retry'],
    [() => client.proxyRequest('user-1', 'GET', '/x', { data: { not: 'bytes' } }), 'data'],
    [() => client.importConnection('user-1', { refreshToken: 't', expiresAt: new Date(NaN) }), 'expiresAt'],
    [async () => client.paginate('user-1', '/x', { limit: 'all' }), 'limit'],
    [() => client.connections({ tag: {} })[Symbol.asyncIterator]().next(), 'tag'],
  ];
  for (const [call, option] of cases) {
    await assert.rejects(call, (error) => {
      assert.ok(error instanceof InvalidArgumentError, error.stack);
      assert.equal(error.context.option, option);
      return true;
    });
  }
  await client.close();
});

test('a call without options is refused as the same call with empty ones', async () => {
  const client = new Client(OFFLINE);
  const path = '/rest/api/3/myself';
  const told = async (asked, options) => {
    const { code, message, context } = await client.proxyRequest(...asked, options).then(assert.fail, (error) => error);
    return { code, message, context };
  };
  const calls = [
    ['nobody', 'GET', path],
    ['kein Mensch \u00e4\u{1f600}', 'GET', path],
    ['half of a character \ud83d', 'GET', path],
    ['a null \0 in it', 'GET', path],
    ['nobody', 'BREW', path],
    ['nobody', 'GET', 'https://elsewhere.example/'],
    ['nobody', 'GET', `/rest/\udc00`],
    [42, 'GET', path],
    ['nobody', undefined, path],
    ['nobody', 'GET', null],
  ];
  for (const asked of calls) {
    const bare = await told(asked);
    // An option that is undefined is none, and goes the way of those that are some.
    assert.deepEqual(bare, await told(asked, { headers: undefined }));
    assert.deepEqual(bare, await told(asked, { signal: AbortSignal.timeout(60_000) }));
  }
  await client.close();
});
