// Workers that use the addon one after another, in a process whose main thread does not; some end by themselves.
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

if (isMainThread) {
  const [options, url] = process.argv.slice(2).map((arg) => JSON.parse(arg));
  for (let turn = 0; turn < 6; turn++) {
    const worker = new Worker(new URL(import.meta.url), { workerData: { options, url } });
    await once(worker, 'message');
    if (turn % 2) await worker.terminate();
    else await once(worker, 'exit');
  }
  console.log('fine');
} else {
  const { connected } = await import('./connect.mjs');
  const { options, url } = workerData;
  const client = await connected(options, url, 'user-1');
  const calls = Array.from({ length: 20 }, () => client.proxyRequest('user-1', 'GET', '/rest/api/3/myself'));
  parentPort.postMessage('calls are in flight');
  for (const { status } of await Promise.all(calls)) if (status !== 200) throw new Error(String(status));
}
