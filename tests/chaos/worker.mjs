// A process that uses threelo as its driver says: one line of JSON with what it works on, then one line for each order.
// Every order is answered twice: when its call begins, and with what came of it. The same as worker.py.

import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';

import { Client, ThreeloError } from 'threelo';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const hear = async () => (await lines.next()).value;
const tell = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

const options = JSON.parse(await hear());

/** Clients of one store, one for each authorization server this worker is told of. */
const clients = new Map();

function clientFor({ auth, secret = options.secret }) {
  const key = JSON.stringify([auth, secret]);
  if (!clients.has(key)) {
    clients.set(
      key,
      new Client({
        clientId: options.client_id,
        clientSecret: secret,
        redirectUri: options.redirect_uri,
        scopes: options.scopes,
        store: options.store,
        encryptionKey: options.key,
        endpoints: { auth, api: options.api },
      }),
    );
  }
  return clients.get(key);
}

/** What each order calls, and what came of it in plain data and without a secret. */
const verbs = {
  connection: async (client, { id }, limits) => {
    const shown = await client.connection(id, limits);
    return { site: shown.site !== undefined, worker: shown.ledger?.[0]?.worker ?? null };
  },
  request: async (client, { id, path = '/rest/api/3/myself' }, limits) => {
    const response = await client.proxyRequest(id, 'GET', path, limits);
    return { status: response.status, means: meaning(response) };
  },
  refresh: async (client, { id }, limits) => {
    await client.refresh(id, limits);
    return { refreshed: true };
  },
  access_token: async (client, { id }, limits) => {
    const token = await client.accessToken(id, limits);
    return { token: createHash('sha256').update(token).digest('hex').slice(0, 16) };
  },
  keep_alive: async (client, { concurrency }, limits) => {
    const { rotated, failed } = await client.keepAlive({ idleDays: 0, concurrency, ...limits });
    return { rotated, failed };
  },
  /** Many calls of `accessToken` that begin together. */
  callers: async (client, { id, count }, limits) => {
    const begun = performance.now();
    const ask = () => client.accessToken(id, limits).then(() => (performance.now() - begun) / 1000);
    const ends = await Promise.all(Array.from({ length: count }, ask));
    return { answered: ends.length, last: ends.reduce((latest, end) => Math.max(latest, end)) };
  },
  connect: async (client, { id, site }, limits) => {
    const session = await client.connect(id, { binding: 'browser', site, ...limits });
    return { url: session.url };
  },
  complete: async (client, { callback }, limits) => {
    const done = await client.complete(callback, { binding: 'browser', ...limits });
    return { id: done.id };
  },
};

/** The error an answer is, where it is one. */
function meaning(response) {
  try {
    response.raiseForStatus();
  } catch (error) {
    if (!(error instanceof ThreeloError)) throw error;
    return error.code;
  }
  return null;
}

async function carryOut(order) {
  tell({ n: order.n, began: true });
  const begun = performance.now();
  let result;
  try {
    result = await verbs[order.do](clientFor(order), order, { timeoutMs: order.timeout * 1000 });
  } catch (error) {
    if (!(error instanceof ThreeloError)) throw error;
    result = { error: error.code, message: error.message, retryable: error.retryable };
  }
  tell({ n: order.n, seconds: (performance.now() - begun) / 1000, ...result });
}

tell({ ready: true });
for (let line = await hear(); line !== undefined; line = await hear()) {
  for (const order of JSON.parse(line)) void carryOut(order);
}
for (const client of clients.values()) await client.close();
