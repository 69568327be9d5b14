// The app of this demo, as the sandbox knows it: the same as in app.py. And the talk with the demo that started us:
// one JSON object comes first, lines go both ways after it.

import { createInterface } from 'node:readline';

/** Options of a client that has the sandbox at `url` for Atlassian and its connections in `store`. */
export const options = (url, store) => ({
  clientId: 'sandbox-client',
  clientSecret: 'sandbox-secret',
  redirectUri: 'http://localhost:3000/callback',
  scopes: ['read:jira-work', 'read:jira-user', 'read:confluence-space.summary'],
  store,
  endpoints: { auth: url, api: url },
});

const input = createInterface({ input: process.stdin });
const lines = input[Symbol.asyncIterator]();

/** The next line, or undefined when the demo is gone. */
export const hear = async () => (await lines.next()).value;

/** One line to the demo. */
export const tell = (what) => console.log(JSON.stringify(what));

/** Listens no more, so that the process can end. */
export const hangUp = () => input.close();
