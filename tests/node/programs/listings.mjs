// Goes on with listings another process began: from each one's cursor it takes as many items as it is told. Listings come
// as JSON on standard input; what came, and the places after it, go to standard output.

import { text } from 'node:stream/consumers';

import { Client } from 'threelo';

const { options, listings, take } = JSON.parse(await text(process.stdin));
const client = new Client(options);

async function goOn({ path, method, params, json, id, cursor }) {
  const body = json === null ? {} : { method, json };
  const items = client.paginate('user-1', path, { params, ...body, cursor, limit: take });
  const found = [];
  for await (const item of items) found.push(id === null ? item : item[id]);
  return { found, cursor: items.cursor };
}

const results = [];
for (const listing of listings) results.push(await goOn(listing));
await client.close();
process.stdout.write(JSON.stringify(results));
