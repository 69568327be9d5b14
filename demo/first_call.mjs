// Node's first call: no consent, no code, only the store that Python wrote.

import { Client } from 'threelo';

import { hangUp, hear, options, tell } from './app.mjs';

const { url, store, id } = JSON.parse(await hear());
const client = new Client(options(url, store));
const { site } = await client.connection(id);
const response = await client.proxyRequest(id, 'GET', '/rest/api/3/myself');
tell({ status: response.status, name: response.json().displayName, site: site.url });
await client.close();
hangUp();
