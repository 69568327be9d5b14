// Every listing Atlassian documents, and every row of F8, as core/tests/listings.rs walks them: each of 257 items comes
// once and in order.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { EndpointRemovedError } from 'threelo';

import { Sandbox } from './support.mjs';

const PLAIN = { listing_items: 257, barred_operations: 'served' };
const WORLDS = {
  'as they are': [PLAIN, {}],
  'clamped, with totals that change, in parallel': [
    { ...PLAIN, page_size_limit: 20, cursor_page_end: 'last', listing_fault: 'wobbling_total' },
    { parallel: 6 },
  ],
  'with short and empty pages': [
    { ...PLAIN, page_size_limit: 50, last_page_token: 'null', listing_short_pages: true, listing_empty_page: true },
    { pageSize: 50, deduplicate: true },
  ],
  'with people who are hidden from searches': [{ ...PLAIN, page_size_limit: 50, hidden_users_every: 5 }, {}],
};

for (const [name, [settings, options]] of Object.entries(WORLDS)) {
  test(`every listing ${name}`, async () => {
    const sandbox = await Sandbox.start();
    await sandbox.control('PATCH', '/settings', settings);
    const { scopes, listings } = await sandbox.control('GET', '/listings');
    assert.ok(listings.length >= 135, `${listings.length} listings`);
    await sandbox.control('PUT', '/world', { apps: [{ scopes }], settings });
    const client = sandbox.client({ scopes });
    await sandbox.connect(client, 'user-1');

    const waiting = [...listings];
    const wrong = [];
    const worker = async () => {
      for (let listing; (listing = waiting.shift()); ) {
        const fault = await walk(client, listing, options);
        if (fault) wrong.push(`row ${listing.row} ${listing.name}: ${fault}`);
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    assert.deepEqual(wrong, []);
  });
}

/** What is wrong with what comes; nothing, if all is well. */
async function walk(client, { path, method, params, json, id, ids, status }, options) {
  const body = json === null ? {} : { method, json };
  const found = [];
  try {
    for await (const item of client.paginate('user-1', path, { params, ...body, ...options })) {
      found.push(id === null ? item : item[id]);
    }
  } catch (error) {
    return status === 410 && error instanceof EndpointRemovedError ? null : String(error);
  }
  return found.length === 257 && found.every((one, index) => one === ids[index]) ? null : `${found.length} items`;
}
