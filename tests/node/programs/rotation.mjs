// Starts a rotation, waits until stdin ends, and then ends the process in the way it was told.
import { once } from 'node:events';

import { Client } from 'threelo';

const [options, id, how] = process.argv.slice(2).map((arg) => JSON.parse(arg));
const client = new Client(options);
const controller = new AbortController();
const rotation = client.refresh(id, { signal: controller.signal }).catch(() => {});
console.log('started');
process.stdin.resume();
await once(process.stdin, 'end');
// Nobody waits for it any more, so that nothing but threelo itself can hold up the end.
controller.abort();
await rotation;
console.log('leaving');
if (how === 'exit') process.exit(3);
if (how === 'throw') throw new Error('the application failed');
