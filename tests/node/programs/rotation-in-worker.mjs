// A worker starts a rotation; when stdin ends, the worker is terminated.
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

import { Client } from 'threelo';

if (isMainThread) {
  const [options, id] = process.argv.slice(2).map((arg) => JSON.parse(arg));
  const worker = new Worker(new URL(import.meta.url), { workerData: { options, id } });
  await once(worker, 'message');
  console.log('started');
  process.stdin.resume();
  await once(process.stdin, 'end');
  const terminated = worker.terminate();
  console.log('leaving');
  await terminated;
  process.exit(0);
} else {
  const { options, id } = workerData;
  new Client(options).refresh(id);
  parentPort.postMessage('the rotation is under way');
}
