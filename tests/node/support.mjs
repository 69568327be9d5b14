// What the tests of the Node face share: a sandbox of their own, clients of it, and programs run beside the test.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Client } from 'threelo';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PROGRAM = process.env.THREELO_SANDBOX ?? join(ROOT, 'target', 'debug', 'threelo-sandbox');

/** Options that open a client which needs nothing around it. */
export const OFFLINE = {
  clientId: 'sandbox-client',
  clientSecret: 'canary-of-the-secret',
  redirectUri: 'http://localhost:3000/callback',
  scopes: ['read:jira-work'],
  store: 'memory:',
};

/** A running sandbox, started at the top of a test file. It ends with the file, and with this process at the latest. */
export class Sandbox {
  static async start() {
    const child = spawn(PROGRAM, ['--port', '0'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`${PROGRAM} ended with ${code}`)));
    const [line] = await Promise.race([once(createInterface(child.stdout), 'line'), ended]);
    after(async () => {
      child.stdin.end();
      await ended.catch(() => {});
    });
    return new Sandbox(JSON.parse(line).url);
  }

  constructor(url) {
    this.url = url;
  }

  /** Options of a client of this sandbox. */
  options(own = {}) {
    return {
      ...OFFLINE,
      clientSecret: 'sandbox-secret',
      scopes: ['read:jira-work', 'write:jira-work', 'read:jira-user', 'read:me'],
      endpoints: { auth: this.url, api: this.url },
      ...own,
    };
  }

  /** A client, closed at the end of the test it is made in, or of the file. */
  client(own) {
    const client = new Client(this.options(own));
    after(() => client.close());
    return client;
  }

  /** The consent of a person: from `connect` to `complete`. */
  async connect(client, id, { account = 'ada', sites = ['acme'], ...options } = {}) {
    const session = await client.connect(id, { binding: 'browser', ...options });
    const { callback } = await this.control('POST', '/consent', { url: session.url, account, sites });
    return client.complete(callback, { binding: 'browser' });
  }

  async control(method, path, body) {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${this.url}/_sandbox${path}`, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  /** Keeps requests to a path waiting, after the first ones. Resolves to what lets them go, and what waits until one is there. */
  async hold(path, when = 'before', skip = 0) {
    const { id } = await this.control('POST', '/faults', { path, kind: { hold: when }, times: 0, skip });
    const waiting = async () => (await this.control('GET', '/faults')).find((fault) => fault.id === id)?.waiting > 0;
    return {
      release: () => this.control('DELETE', `/faults/${id}`),
      arrived: async () => {
        while (!(await waiting()));
      },
    };
  }
}

/** Gives the native half's one worker enough to do that what is asked of it next comes late. */
export function busy(client, id) {
  return Promise.all(Array.from({ length: 2000 }, () => client.accessToken(id)));
}

/** A folder of this test file's own. */
export function folder() {
  const path = mkdtempSync(join(tmpdir(), 'threelo-'));
  after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Runs a program of tests/node/programs to its end; one that hangs is killed and reported by its signal. */
export async function run(name, args = [], { onLine } = {}) {
  const program = fileURLToPath(new URL(`programs/${name}`, import.meta.url));
  const child = spawn(process.execPath, [program, ...args.map((arg) => JSON.stringify(arg))], { timeout: 60_000 });
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr']) child[stream].on('data', (data) => (output[stream] += data));
  if (onLine) createInterface(child.stdout).on('line', (line) => onLine(line, child));
  const [code, signal] = await once(child, 'close');
  return { code, signal, ...output };
}
