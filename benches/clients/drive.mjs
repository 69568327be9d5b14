// How a client is driven, the same in every language: one process, what to do in its first argument as JSON, then a
// line `{"calls": n, "inflight": k}` on standard input for each burst and a line with what was measured for each.

import { createInterface } from 'node:readline';

const CLOUD_ID = '7d3f7b4c-8f5e-4c0e-9c36-3f0a4e1d2b11';

/** What to do, with the whole URL as a client asks for it that knows nothing of sites. */
export function task() {
  const given = JSON.parse(process.argv[2]);
  const url = `${given.base}/ex/jira/${CLOUD_ID}${given.path}`;
  return { ...given, url, headers: { authorization: `Bearer ${given.token}` } };
}

/** Answers bursts until there are no more. */
export async function serve(call) {
  const worker = async (calls, took) => {
    for (let left = calls; left > 0; left--) {
      const begun = performance.now();
      await call();
      took.push((performance.now() - begun) / 1000);
    }
  };
  console.log('ready');
  for await (const line of createInterface(process.stdin)) {
    const { calls, inflight } = JSON.parse(line);
    const took = [];
    const [cpu, begun] = [process.cpuUsage(), performance.now()];
    await Promise.all(Array.from({ length: inflight }, () => worker(Math.floor(calls / inflight), took)));
    const seconds = (performance.now() - begun) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    took.sort((one, other) => one - other);
    const at = (share) => took[Math.floor((took.length * share) / 100)];
    console.log(JSON.stringify({ calls: took.length, seconds, cpu: (user + system) / 1e6, p50: at(50), p99: at(99) }));
  }
}
