// The Node half of bench.py, which says what is measured.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { Client } from 'threelo';

const order = JSON.parse(process.argv[2]);
const client = new Client(order.options);

async function timed(read) {
  const begun = performance.now();
  assert.equal(await read(), order.items);
  return (performance.now() - begun) / 1000;
}

async function plainChained([path, params]) {
  let count = 0;
  let more = {};
  for (;;) {
    const page = (await client.proxyRequest('bench', 'GET', path, { params: { ...params, ...more } })).json();
    count += page.issues.length;
    await sleep(order.work);
    if (!page.nextPageToken) return count;
    more = { nextPageToken: page.nextPageToken };
  }
}

async function chained([path, params]) {
  let count = 0;
  for await (const page of client.paginate('bench', path, { params }).pages()) {
    count += page.length;
    await sleep(order.work);
  }
  return count;
}

async function plainCounted([path, params]) {
  let count = 0;
  for (;;) {
    const page = (await client.proxyRequest('bench', 'GET', path, { params: { ...params, startAt: count } })).json();
    count += page.values.length;
    if (page.isLast) return count;
  }
}

async function counted([path, params]) {
  let count = 0;
  for await (const item of client.paginate('bench', path, { params, parallel: order.atOnce })) count += item ? 1 : 0;
  return count;
}

const token = [await timed(() => plainChained(order.chained)), await timed(() => chained(order.chained))];
const offset = [await timed(() => plainCounted(order.counted)), await timed(() => counted(order.counted))];
await client.close();
process.stdout.write(JSON.stringify({ token, offset }));
