// A connected client, for programs that need one.
import { Client } from 'threelo';

export async function connected(options, url, id) {
  const client = new Client(options);
  const session = await client.connect(id, { binding: 'browser' });
  const body = JSON.stringify({ url: session.url, sites: ['acme'] });
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${url}/_sandbox/consent`, { method: 'POST', headers, body });
  await client.complete((await answer.json()).callback, { binding: 'browser' });
  return client;
}
