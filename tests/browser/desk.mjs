// The command as it is installed, running beside a browser: `threelo connect` on a store of its own.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { Sandbox } from '../../bindings-node/lib/testing.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PROGRAM = join(ROOT, 'bindings-node', 'bin', 'threelo.js');

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** A folder for the test. */
export function folderOf(test) {
  const folder = mkdtempSync(join(tmpdir(), 'threelo-browser-'));
  test.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs the command beside the test. `lines` are those of its standard output, as they come. */
export function run(test, args, options) {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  const ended = once(child, 'close').then(([code]) => ({ code, errors: errors.join('') }));
  const errors = [];
  child.stderr.setEncoding('utf8').on('data', (text) => errors.push(text));
  test.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return { child, ended, lines: createInterface(child.stdout)[Symbol.asyncIterator]() };
}

/** A sandbox of the test, and what the command needs to use it. `world` is the sandbox's, with one app at most. */
export async function begin(test, world = {}) {
  const callback = `http://localhost:${await freePort()}/callback`;
  const [app] = world.apps ?? [{}];
  const sandbox = new Sandbox({ ...world, apps: [{ ...app, redirect_uris: [callback] }] });
  test.after(() => sandbox.close());
  const folder = folderOf(test);
  const env = {
    PATH: process.env.PATH,
    THREELO_CLIENT_ID: 'sandbox-client',
    THREELO_CLIENT_SECRET: 'sandbox-secret',
    THREELO_SCOPES: 'read:jira-work,read:jira-user,read:me',
    THREELO_REDIRECT_URI: callback,
    THREELO_ENDPOINTS: `auth=${sandbox.url},api=${sandbox.url}`,
  };
  return { sandbox, folder, env, callback };
}

/** `threelo connect me`, and the address it would open a browser at. */
export async function connect(test, { env, folder }, args = [], more = {}) {
  const running = run(test, ['connect', 'me', '--print-url', '--json', ...args], { cwd: folder, env: { ...env, ...more } });
  const first = await Promise.race([running.lines.next(), running.ended]);
  assert(first.value, `the command ended: ${first.errors}`);
  return { ...running, url: JSON.parse(first.value).url };
}

/** How `threelo connect` ended: the connection it printed. */
export async function connected({ lines, ended }) {
  const { value } = await lines.next();
  const { code, errors } = await ended;
  assert.equal(code, 0, errors);
  return JSON.parse(value);
}

/** How `threelo connect` ended: the error it told. */
export async function failed({ ended }) {
  const { code, errors } = await ended;
  assert.notEqual(code, 0);
  return JSON.parse(errors.trim().split('\n').at(-1)).error;
}

/** Moves the wall clock of a command that is started with `environment`, with the library of the chaos tests. */
export class WallClock {
  constructor(folder) {
    const [library, numbers] = [join(folder, 'clocks.so'), join(folder, 'clocks')];
    const source = join(ROOT, 'tests', 'chaos', 'clocks.c');
    execFileSync(process.env.CC ?? 'cc', ['-O2', '-shared', '-fPIC', '-o', library, source, '-ldl']);
    this.numbers = numbers;
    this.move(0);
    this.environment = { LD_PRELOAD: library, THREELO_CLOCKS: numbers };
  }

  move(milliseconds) {
    const both = Buffer.alloc(16);
    both.writeBigInt64LE(BigInt(milliseconds));
    // Written in place: the process has this file mapped.
    writeFileSync(this.numbers, both, { flag: this.environment ? 'r+' : 'w' });
  }
}
