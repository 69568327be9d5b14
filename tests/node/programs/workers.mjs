// Workers that are ended while their calls are in flight, beside a main thread that goes on.
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

import { connected } from './connect.mjs';

const [options, url] = isMainThread ? process.argv.slice(2).map((arg) => JSON.parse(arg)) : workerData;
const client = await connected({ ...options, onEvent() {} }, url, 'user-1');
const calls = Array.from({ length: 50 }, () => client.proxyRequest('user-1', 'GET', '/rest/api/3/myself'));
if (isMainThread) {
  for (let turn = 0; turn < 5; turn++) {
    const worker = new Worker(new URL(import.meta.url), { workerData: [options, url] });
    await once(worker, 'message');
    await worker.terminate();
  }
  await Promise.all(calls);
  console.log('fine');
} else {
  parentPort.postMessage('calls are in flight');
}
