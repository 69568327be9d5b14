// Opens a client, starts a consent and listens to events and to the log; nothing of that may keep the process alive.
import { Client } from 'threelo';

const client = new Client({ ...JSON.parse(process.argv[2]), onEvent() {}, onLog() {} });
await client.connect('user-1', { binding: 'browser' });
