// `threelo/testing`: the sandbox that users' own tests stand on, and the command beside it.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';

import { AuthorizationDeniedError, SiteNotFoundError } from 'threelo';
import { Sandbox } from 'threelo/testing';

import { ROOT } from './support.mjs';

const require = createRequire(import.meta.url);

/** A sandbox and a client of it, for as long as a test lasts. */
async function within(use, world) {
  const atlassian = new Sandbox(world);
  const client = atlassian.client();
  try {
    return await use(atlassian, client);
  } finally {
    await client.close();
    atlassian.close();
  }
}

test('three lines lead to a connected client', () =>
  within(async (atlassian, client) => {
    await atlassian.connect(client, 'user-42');
    assert.equal((await client.proxyRequest('user-42', 'GET', '/rest/api/3/myself')).status, 200);
  }));

test('each has a world of its own', async () => {
  const alone = (_, seed) =>
    within(
      async (atlassian, client) => {
        const { site } = await atlassian.connect(client, 'user-42', { account: 'grace', sites: ['zeta'] });
        assert.equal(site.url, 'https://zeta.atlassian.net');
        await client.refresh('user-42');
        return (await atlassian.control('GET', '/log')).counts.refresh_exchanges;
      },
      { seed },
    );
  assert.deepEqual(await Promise.all(Array.from({ length: 8 }, alone)), Array(8).fill(1));
});

test('a declined consent is played too', () =>
  within((atlassian, client) => assert.rejects(atlassian.connect(client, 'user-42', { decision: 'decline' }), AuthorizationDeniedError)));

// As in tests/python/test_testing.py: the twins take the same.
const WITH_OPTIONS = {
  site: 'zeta',
  tags: { team: 'a' },
  metadata: { plan: 1 },
  scopes: ['read:jira-work', 'offline_access'],
  binding: 'another browser',
};

test('options of the client go to the client, and who is sent for a site takes it', () =>
  within(async (atlassian, client) => {
    const { site, tags, metadata, scopes } = await atlassian.connect(client, 'user-42', { account: 'grace', ...WITH_OPTIONS });
    assert.equal(site.url, 'https://zeta.atlassian.net');
    assert.deepEqual([tags, metadata], [{ team: 'a' }, { plan: 1 }]);
    assert.ok(!scopes.includes('read:jira-user'));
    await assert.rejects(atlassian.connect(client, 'user-43', { sites: ['acme'], site: 'umbrella' }), SiteNotFoundError);
  }));

test('it needs no fetch, which tests replace', () =>
  within(async (atlassian, client) => {
    const real = globalThis.fetch;
    globalThis.fetch = () => assert.fail('the global fetch was called');
    try {
      await atlassian.connect(client, 'user-42');
      await assert.rejects(atlassian.control('POST', '/nonsense'), /404/);
    } finally {
      globalThis.fetch = real;
    }
  }));

test('faults of its world are there from the start, and its page shows them', () =>
  within(
    async (atlassian, client) => {
      await atlassian.connect(client, 'user-42');
      await client.refresh('user-42');
      assert.equal((await atlassian.control('GET', '/log')).counts.replays, 1);
      assert.match(await (await fetch(atlassian.page)).text(), /refresh_token, fault 1/);
    },
    { faults: [{ path: '/oauth/token', grant_type: 'refresh_token', kind: { reset: 'after' } }] },
  ));

test('it is gone once it is closed', async () => {
  const atlassian = new Sandbox();
  atlassian.close();
  atlassian.close();
  await assert.rejects(fetch(atlassian.url));
});

test('a world that cannot be is refused', () => {
  assert.throws(() => new Sandbox({ sights: [] }), /sights/);
});

test('import and require give the same class, of the same clients', () => {
  assert.equal(require('threelo/testing').Sandbox, Sandbox);
});

test('the command comes with the package', () => {
  const { bin, version } = require('threelo/package.json');
  const program = join(ROOT, bin.threelo);
  assert.equal(execFileSync(process.execPath, [program, '--version'], { encoding: 'utf8' }).trim(), `threelo ${version}`);
  const failed = spawnSync(process.execPath, [program, 'nonsense'], { encoding: 'utf8' });
  assert.equal(failed.status, 2);
  assert.doesNotMatch(failed.stderr, /at .*\.js:/);
});
