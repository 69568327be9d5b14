// Starts a rotation, waits until stdin ends, and then ends the process in the way it was told.
import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { Client } from 'threelo';

const [options, id, how] = process.argv.slice(2).map((arg) => JSON.parse(arg));
let client = new Client(options);
let collected = false;
const registry = new FinalizationRegistry(() => (collected = true));
registry.register(client);
const controller = new AbortController();
const rotation = client.refresh(id, { signal: controller.signal }).catch(() => {});
console.log('started');
process.stdin.resume();
await once(process.stdin, 'end');
// Nobody waits for it any more, so that nothing but threelo itself can hold up the end.
controller.abort();
await rotation;
if (how === 'collected') {
  setFlagsFromString('--expose-gc');
  client = undefined;
  for (; !collected; await setImmediate()) runInNewContext('gc')();
}
console.log('leaving');
if (how === 'exit') process.exit(3);
if (how === 'throw') throw new Error('the application failed');
