// Mixed load for a while, through one Client of the main thread and those of worker threads that come and go, all on one
// store: what ended late, what went wrong, and what was kept.

import { readdirSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

import { Client, ThreeloError } from 'threelo';

// Every call's own, in milliseconds; a call that takes longer by the grace was lost.
const TIMEOUT = 5000;
const GRACE = 5000;
// What is made of calls, such as a listing, may take as many times as long.
const SEVERAL = 8;
const MYSELF = '/rest/api/3/myself';
const ECHO = '/rest/api/3/_echo';
const SEARCH = '/rest/api/3/search/jql';
const SIZE = 40_000;
// Calls of one worker thread.
const CALLS = 40;

const told = {};
const timeoutMs = TIMEOUT;

function tell(what) {
  told[what] = (told[what] ?? 0) + 1;
}

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

function* pieces() {
  for (let piece = 0; piece < 8; piece++) yield Buffer.alloc(SIZE / 8, 'x');
}

async function single(client, random) {
  const what = Math.floor(random() * 22);
  const myself = (id, more) => client.proxyRequest(id, 'GET', MYSELF, { timeoutMs, ...more });
  if (what < 11) return (await myself('user-42')).raiseForStatus().json();
  if (what < 13) {
    const json = { jql: 'project = ACME', maxResults: 50 };
    return (await client.proxyRequest('user-42', 'POST', SEARCH, { json, timeoutMs })).raiseForStatus().json();
  }
  if (what < 15) return client.accessToken('user-42', { timeoutMs });
  if (what < 16) return client.connection('user-42', { timeoutMs });
  if (what < 17) return myself('nobody');
  if (what < 18) return client.refresh('user-42', { timeoutMs });
  if (what < 20) {
    const files = random() < 0.5 ? Buffer.alloc(SIZE, 'x') : pieces();
    return (await client.proxyRequest('user-42', 'POST', ECHO, { files, timeoutMs })).raiseForStatus().json();
  }
  // Given up half-way.
  return myself('user-42', { signal: AbortSignal.timeout(Math.ceil(random() * 5)) });
}

async function several(client, random) {
  const what = Math.floor(random() * 4);
  if (what === 0) {
    const params = { jql: 'project = ACME', maxResults: 20 };
    for await (const _ of client.paginate('user-42', SEARCH, { params, timeoutMs }));
  } else if (what === 1) {
    const ids = ['user-42', 'nobody', 'user-42'];
    for await (const { error } of client.proxyRequestMany(ids, 'GET', MYSELF, { timeoutMs })) {
      tell(error ? error.code : 'one of many answered');
    }
  } else {
    const data = Buffer.alloc(SIZE, 'x');
    const response = await client.proxyRequest('user-42', 'POST', ECHO, { data, stream: true, timeoutMs });
    for await (const _ of response.body) if (what === 3) break; // the rest is not wanted
  }
}

async function judged(call, limit) {
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, limit, 'lost');
  });
  const ended = call().then(
    () => 'answered',
    (error) => {
      if (error instanceof SyntaxError) return 'malformed';
      if (!(error instanceof ThreeloError)) throw error;
      return error.code;
    },
  );
  tell(await Promise.race([ended, late]));
  clearTimeout(timer);
}

function one(client, random) {
  if (random() < 7 / 8) return judged(() => single(client, random), TIMEOUT + GRACE);
  return judged(() => several(client, random), SEVERAL * (TIMEOUT + GRACE));
}

async function caller(client, until, seed) {
  const random = dice(seed);
  while (performance.now() < until) await one(client, random);
}

/** Threads that make some calls and end; every third is ended in the middle of them. */
async function threads(options, until, seed) {
  for (let thread = seed; performance.now() < until; thread++) {
    const worker = new Worker(new URL(import.meta.url), { workerData: { options, seed: thread } });
    const end = new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
    worker.on('message', (its) => {
      if (its === 'begun') return thread % 3 === 0 && worker.terminate();
      for (const [what, count] of Object.entries(its)) told[what] = (told[what] ?? 0) + count;
    });
    await end;
    tell('threads');
    await wait(100);
  }
}

async function sample(samples, begun, every, over) {
  while (!over.aborted) {
    await wait(every * 1000, undefined, { signal: over }).catch(() => {});
    if (!over.aborted) samples.push({ second: Math.round((performance.now() - begun) / 1000), ...kept() });
  }
}

async function main(given) {
  const client = new Client({ ...given.options, onEvent: () => tell('events') });
  await client.importConnection('user-42', given.connection);
  const begun = performance.now();
  const load = (until, seeds) =>
    Promise.all([
      threads(given.options, begun + until, seeds),
      ...Array.from({ length: given.callers }, (_, index) => caller(client, begun + until, seeds + index)),
    ]);
  await load(given.warm * 1000, 0);
  const [before, samples, over] = [kept(), [], new AbortController()];
  const sampling = sample(samples, begun, given.every, over.signal);
  await load(given.seconds * 1000, 1000);
  over.abort();
  await sampling;
  const after = kept();
  await client.close();
  console.log(JSON.stringify({ told, before, after, samples }));
}

async function thread({ options, seed }) {
  const client = new Client(options);
  const random = dice(seed);
  parentPort.postMessage('begun');
  await Promise.all(Array.from({ length: CALLS }, () => one(client, random)));
  await client.close();
  parentPort.postMessage(told);
}

await (isMainThread ? main(JSON.parse(process.argv[2])) : thread(workerData));
