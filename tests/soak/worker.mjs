// Mixed load on one Client for a while: what ended late, what went wrong, and what was kept.

import { readdirSync } from 'node:fs';

import { Client, ThreeloError } from 'threelo';

// Every call's own, in milliseconds; a call that takes longer by the grace was lost.
const TIMEOUT = 5000;
const GRACE = 5000;

const given = JSON.parse(process.argv[2]);
const told = { events: 0, answered: 0, lost: 0 };

function kept() {
  globalThis.gc();
  return { memory: process.memoryUsage().rss, descriptors: readdirSync('/proc/self/fd').length };
}

// mulberry32: the same dice for the same seed.
function dice(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One of the things a service does. */
async function call(client, random) {
  const what = Math.floor(random() * 20);
  const timeoutMs = TIMEOUT;
  const myself = (id, more) => client.proxyRequest(id, 'GET', '/rest/api/3/myself', { timeoutMs, ...more });
  if (what < 10) return (await myself('user-42')).raiseForStatus().json();
  if (what < 12) {
    const json = { jql: 'project = ACME', maxResults: 50 };
    return (await client.proxyRequest('user-42', 'POST', '/rest/api/3/search/jql', { json, timeoutMs }))
      .raiseForStatus()
      .json();
  }
  if (what < 14) {
    const params = { jql: 'project = ACME', maxResults: 20 };
    for await (const _ of client.paginate('user-42', '/rest/api/3/search/jql', { params, timeoutMs }));
    return undefined;
  }
  if (what < 16) return client.accessToken('user-42', { timeoutMs });
  if (what < 17) return client.connection('user-42', { timeoutMs });
  if (what < 18) return myself('nobody');
  // Given up half-way.
  return myself('user-42', { signal: AbortSignal.timeout(Math.ceil(random() * 5)) });
}

async function caller(client, until, seed) {
  const random = dice(seed);
  while (performance.now() < until) {
    // A listing is several calls.
    let timer;
    const limit = new Promise((resolve) => {
      timer = setTimeout(resolve, 8 * (TIMEOUT + GRACE), 'lost');
    });
    const ended = call(client, random).then(
      () => 'answered',
      (error) => {
        if (error instanceof SyntaxError) return 'malformed';
        if (!(error instanceof ThreeloError)) throw error;
        return error.code;
      },
    );
    const end = await Promise.race([ended, limit]);
    clearTimeout(timer);
    told[end] = (told[end] ?? 0) + 1;
  }
}

const client = new Client({ ...given.options, onEvent: () => void told.events++ });
await client.importConnection('user-42', given.connection);
const begun = performance.now();
const all = (until, seeds) =>
  Promise.all(Array.from({ length: given.callers }, (_, index) => caller(client, begun + until, seeds + index)));
await all((given.seconds / 3) * 1000, 0);
const before = kept();
await all(given.seconds * 1000, 1000);
const after = kept();
await client.close();
console.log(JSON.stringify({ told, before, after }));
