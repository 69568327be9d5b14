// `client.fetch`: the web's fetch for one connection, as other clients use it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { DestinationRefusedError, MissingScopeError, SiteNotFoundError, TimeoutError } from 'threelo';

import { Sandbox } from './support.mjs';

const ECHO = '/rest/api/3/_echo';
const MYSELF = '/rest/api/3/myself';

const sandbox = await Sandbox.start();
const client = sandbox.client();
await sandbox.connect(client, 'user-42');
const jira = client.fetch('user-42');
let file;

describe('fetch of a connection', () => {
  it('asks the connection\'s site, by path, URL and Request', async () => {
    for (const input of [MYSELF, `https://acme.atlassian.net${MYSELF}`, new URL(MYSELF, 'https://acme.atlassian.net')]) {
      for (const asked of [input, ...(String(input).startsWith('/') ? [] : [new Request(input)])]) {
        const answer = await jira(asked);
        assert.ok(answer instanceof Response && answer.ok);
        assert.equal(answer.statusText, 'OK');
        assert.match(answer.url, /\/ex\/jira\/.*\/myself$/);
        assert.equal((await answer.json()).displayName, 'Ada Lovelace');
      }
    }
  });

  it('sends what the web\'s own fetch would', async () => {
    const headers = { 'x-one': '1', authorization: 'Basic eDp5' };
    const put = await (await jira(`${ECHO}?a=1&a=2&b=%C3%A4`, { method: 'PUT', headers, body: '{"k":1}' })).json();
    assert.deepEqual([put.method, put.body, put.query], ['PUT', '{"k":1}', 'a=1&a=2&b=%C3%A4']);
    assert.equal(put.headers['x-one'], '1');
    const form = new FormData();
    form.set('file', new Blob(['content']), 'a.txt');
    const posted = await (await jira(ECHO, { method: 'POST', body: form })).json();
    assert.match(posted.headers['content-type'], /^multipart\/form-data; boundary=/);
    assert.match(posted.body, /content/);
    const stream = new Blob(['one', 'two']).stream();
    assert.equal((await (await jira(ECHO, { method: 'POST', body: stream, duplex: 'half' })).json()).body, 'onetwo');
    assert.equal((await jira(MYSELF, { method: 'HEAD' })).status, 200);
  });

  it('asks no other site', async () => {
    await sandbox.control('DELETE', '/log');
    for (const host of ['https://evil.example.com', 'https://zeta.atlassian.net', 'https://connection.invalid.evil.example', 'http://x']) {
      await assert.rejects(jira(host + MYSELF), DestinationRefusedError);
    }
    await assert.rejects(jira('//evil.example.com/rest/x'), DestinationRefusedError);
    assert.equal((await sandbox.control('GET', '/log')).counts.api_calls, 0);
  });

  it('takes the options of every request', async () => {
    await assert.rejects(client.fetch('user-42', { site: 'nowhere' })(MYSELF), SiteNotFoundError);
    const fault = { path: '/ex/jira/*', method: 'PUT', kind: { reset: 'after' }, times: 1 };
    await sandbox.control('POST', '/faults', fault);
    const bold = client.fetch('user-42', { retry: 'idempotent' });
    assert.equal((await bold(ECHO, { method: 'PUT', body: '{}' })).threelo.attempts, 2);
  });

  it('has a rejected token healed by the core', async () => {
    await sandbox.control('POST', '/tokens/expire', {});
    await sandbox.control('DELETE', '/log');
    assert.equal((await jira(ECHO, { method: 'POST', body: 'x' })).status, 200);
    assert.equal((await sandbox.control('GET', '/log')).counts.refresh_exchanges, 1);
  });

  it('has threelo\'s answer with it', async () => {
    const answer = await jira('/rest/agile/1.0/board');
    assert.equal(answer.status, 401);
    assert.throws(() => answer.threelo.raiseForStatus(), MissingScopeError);
  });

  it('streams bodies, and gives up those that are cancelled', async () => {
    const content = new Uint8Array(3_000_000);
    const attached = await client.proxyRequest('user-42', 'POST', '/rest/api/3/issue/ACME-1/attachments', { files: content });
    const path = (file = `/rest/api/3/attachment/content/${attached.json()[0].id}`);
    let length = 0;
    for await (const piece of (await jira(path)).body) length += piece.length;
    assert.equal(length, content.length);
    const given = await jira(path);
    await given.body.cancel();
    assert.equal((await (await jira(path)).arrayBuffer()).byteLength, content.length);
    const part = await jira(path, { headers: { range: 'bytes=0-9' } });
    assert.deepEqual([part.status, (await part.arrayBuffer()).byteLength], [206, 10]);
  });

  it('has no body where the web has none', async () => {
    const put = await jira('/rest/api/3/issue/ACME-1', { method: 'PUT', body: '{"fields":{"summary":"New"}}' });
    assert.deepEqual([put.status, put.body], [204, null]);
  });

  it('is ended by a signal, with its reason', async () => {
    await assert.rejects(jira(MYSELF, { signal: AbortSignal.abort(new Error('mine')) }), /mine/);
    const halfway = new AbortController();
    const answer = await jira(file, { signal: halfway.signal });
    const reader = answer.body.getReader();
    assert.ok((await reader.read()).value.length);
    halfway.abort(new Error('enough'));
    await assert.rejects(reader.read(), /enough/);
    const { release, arrived } = await sandbox.hold('/ex/jira/*');
    const stop = new AbortController();
    const waiting = jira(MYSELF, { signal: stop.signal });
    await arrived();
    stop.abort();
    await assert.rejects(waiting, { name: 'AbortError' });
    await assert.rejects(client.fetch('user-42', { timeoutMs: 100 })(MYSELF), TimeoutError);
    await release();
  });
});
