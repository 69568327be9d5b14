// One of the Node processes that meet an expired token together: warms its client, says that it is ready, waits for
// the word, and makes all its calls at once. The same as worker.py.

import { Client, ThreeloError } from 'threelo';

import { hangUp, hear, options, tell } from './app.mjs';

const { url, store, id, name, calls } = JSON.parse(await hear());
const client = new Client(options(url, store));

/** One call; what came of it: a status or an error code. The caller's name shows in the sandbox's log. */
async function call(number) {
  try {
    const params = { caller: `${name}/${number}` };
    const response = await client.proxyRequest(id, 'GET', '/rest/api/3/myself', { params });
    return String(response.status);
  } catch (error) {
    if (error instanceof ThreeloError) return error.code;
    throw error;
  }
}

tell({ ready: await call('warm') });
if ((await hear()) !== undefined) {
  tell({ outcomes: await Promise.all(Array.from({ length: calls }, (_, number) => call(number))) });
}
await client.close();
hangUp();
