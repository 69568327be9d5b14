// jira.js on a connection of threelo's. The clients of Python are in test_clients.py.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Version2Client, Version3Client } from 'jira.js-5';
import { createCloudClient } from 'jira.js-6';
import { Sandbox } from 'threelo/testing';

const sandbox = new Sandbox();
const client = sandbox.client();
const FIELDS = { project: { key: 'ACME' }, summary: 'made', issuetype: { name: 'Task' } };
const ATTACHMENT = { filename: 'a.txt', file: Buffer.from('content') };
let site;

before(async () => {
  ({ site } = await sandbox.connect(client, 'user-42', { sites: ['acme'] }));
});

after(async () => {
  await client.close();
  sandbox.close();
});

/** jira.js 5, as docs/clients.md says. */
const throughThreelo = () => ({ adapter: 'fetch', env: { fetch: client.fetch('user-42') } });

/** jira.js 6, as docs/clients.md says. */
async function withThreelosTokens() {
  const { url } = await client.authorize('user-42', '/rest/');
  let token;
  const authorize = async (options) => (token = (await client.authorize('user-42', '/rest/', options)).accessToken);
  return createCloudClient({
    host: url.slice(0, -'/rest/'.length),
    auth: { type: 'bearer', getToken: authorize },
    getAuthOn401: async () => ({ type: 'bearer', token: await authorize({ rejected: token }) }),
    onSchemaMismatch: 'silent',
  });
}

/** All keys that a search by pages of tokens finds. */
async function walked(search) {
  const keys = new Set();
  let nextPageToken;
  do {
    const query = { jql: 'project = ACME', fields: ['summary'], ...(nextPageToken && { nextPageToken }) };
    const page = await search(query);
    for (const issue of page.issues) keys.add(issue.key);
    ({ nextPageToken } = page);
  } while (nextPageToken);
  return keys;
}

/** Whether all seeded issues are among them, which are more than a page. */
const hasAll = (keys) => Array.from({ length: 57 }, (_, index) => `ACME-${index + 1}`).every((key) => keys.has(key));

async function healed(ask) {
  await sandbox.control('POST', '/tokens/expire', {});
  await sandbox.control('DELETE', '/log');
  assert.ok((await ask()).accountId);
  return (await sandbox.control('GET', '/log')).counts.refresh_exchanges;
}

test('jira.js 5 reads, writes and walks through threelo', async () => {
  const jira = new Version3Client({ host: site.url, baseRequestConfig: throughThreelo() });
  assert.equal((await jira.myself.getCurrentUser()).displayName, 'Ada Lovelace');
  assert.ok((await jira.issueFields.getFields()).some((field) => field.id === 'summary'));
  assert.ok(hasAll(await walked((query) => jira.issueSearch.searchForIssuesUsingJqlEnhancedSearch(query))));
  const { key } = await jira.issues.createIssue({ fields: FIELDS });
  await jira.issues.editIssue({ issueIdOrKey: key, fields: { summary: 'changed' } });
  const old = new Version2Client({ host: site.url, baseRequestConfig: throughThreelo() });
  assert.equal((await old.issues.getIssue({ issueIdOrKey: key })).fields.summary, 'changed');
  const [attached] = await jira.issueAttachments.addAttachment({ issueIdOrKey: key, attachment: ATTACHMENT });
  assert.equal(attached.size, 7);
  await assert.rejects(jira.issues.getIssue({ issueIdOrKey: 'ACME-999' }), { status: 404 });
  const stranger = new Version3Client({ host: 'https://evil.example.com', baseRequestConfig: throughThreelo() });
  await assert.rejects(stranger.myself.getCurrentUser(), { code: 'destination_refused' });
});

test('jira.js 6 reads, writes and walks with threelo\'s tokens, and has them healed', async () => {
  const jira = await withThreelosTokens();
  assert.equal(await healed(() => jira.myself.getCurrentUser()), 1);
  assert.ok((await jira.issueFields.getFields()).some((field) => field.id === 'summary'));
  assert.ok(hasAll(await walked((query) => jira.issueSearch.searchAndReconsileIssuesUsingJql(query))));
  const { key } = await jira.issues.createIssue({ fields: FIELDS });
  assert.equal((await jira.issues.getIssue({ issueIdOrKey: key })).fields.summary, 'made');
  const [attached] = await jira.issueAttachments.addAttachment({ issueIdOrKey: key, attachments: { filename: 'a.txt', content: Buffer.from('content') } });
  assert.equal(attached.size, 7);
});
