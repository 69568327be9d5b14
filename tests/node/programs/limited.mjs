// Makes one call as a process of its own; how it failed goes to standard output.

import { text } from 'node:stream/consumers';

import { Client } from 'threelo';

const client = new Client(JSON.parse(await text(process.stdin)));
const told = await client.proxyRequest('user-42', 'GET', '/rest/api/3/search/jql').then(
  (response) => ({ status: response.status }),
  ({ code, context }) => ({ code, reason: context.reason, scope: context.scope }),
);
await client.close();
process.stdout.write(JSON.stringify(told));
