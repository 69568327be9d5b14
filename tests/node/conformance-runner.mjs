// Runs one conformance vector against the Node face. The format is described in tests/conformance/README.md.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { Client, ThreeloError } from 'threelo';

import { at, camel, isObject, mapped, matches, plain, query, snake } from './conformance-matchers.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FOLDER = join(ROOT, 'tests', 'conformance');
const SANDBOX = process.env.THREELO_SANDBOX ?? join(ROOT, 'target', 'debug', 'threelo-sandbox');
const REDIRECT_URI = 'http://localhost:3000/callback';
const KEY = 'dGhyZWVsby1jb25mb3JtYW5jZS10ZXN0LWtleS0wMDE=';
const SCOPES = ['read:jira-work', 'write:jira-work', 'read:jira-user', 'read:me'];
const PATIENCE = 15_000;
const LEADING = {
  complete: ['callback_url'],
  proxy_request: ['id', 'method', 'path'],
  proxy_request_many: ['ids', 'method', 'path'],
  paginate: ['id', 'path'],
  select_site: ['id', 'site'],
  authorize: ['id', 'path'],
  connections: [],
  keep_alive: [], rekey: [],
  close: [],
};
const OTHER_SYSTEM = new URLSearchParams({
  client_id: 'sandbox-client',
  redirect_uri: REDIRECT_URI,
  response_type: 'code',
  prompt: 'consent',
  audience: 'api.atlassian.com',
  state: 'of-another-system',
  scope: [...SCOPES, 'offline_access'].join(' '),
});

export function loadVectors() {
  const names = readdirSync(join(FOLDER, 'vectors')).filter((name) => name.endsWith('.json'));
  return names.sort().map((name) => JSON.parse(readFileSync(join(FOLDER, 'vectors', name), 'utf8')));
}

// ---------------------------------------------------------------------------------------- the face
const raw = (value) => (isObject(value) && '$base64' in value ? Buffer.from(value.$base64, 'base64') : value);

function argument(name, value) {
  if (name === 'expires_at') return ['expiresAt', new Date(value)];
  if (name === 'files') return [name, Array.isArray(value) ? value.map(file) : file(value)];
  if (name === 'timeout') return ['timeoutMs', value * 1000];
  return [camel(name), raw(value)];
}

function file(value) {
  if (!isObject(value) || !('$file' in value)) return raw(value);
  const { as = 'bytes', text, path, content_type: contentType, ...names } = value.$file;
  if (as === 'path' && text !== undefined) writeFileSync(path, text);
  const bytes = Buffer.from(text ?? '');
  const content = { path, bytes, stream: as === 'stream' && inThrees(bytes) }[as];
  return { content, contentType, ...names };
}

async function* inThrees(bytes) {
  for (let at = 0; at < bytes.length; at += 3) yield bytes.subarray(at, at + 3);
}

async function callFace(client, verb, options, step) {
  const leading = (LEADING[verb] ?? ['id']).map((name) => options[name]);
  const rest = mapped(options, argument);
  for (const name of LEADING[verb] ?? ['id']) delete rest[camel(name)];
  const pending = client[camel(verb)](...leading, rest);
  if ('collect' in step) return collect(pending, step);
  const result = await pending;
  if (verb !== 'proxy_request') return plain(result);
  if (step.raise_for_status) result.raiseForStatus();
  return response(result);
}

async function collect(iterator, step) {
  if (step.collect === 'results') return results(iterator, step.meanwhile);
  const found = [];
  for await (const item of step.collect === 'pages' ? iterator.pages() : iterator) {
    found.push(step.call === 'connections' ? plain(item) : item);
    if (found.length === step.take) break;
  }
  return { [step.collect]: found, cursor: iterator.cursor ?? null };
}

/** Results of many calls in an order of their own, and beside them the order they came in. */
async function results(iterator, meanwhile) {
  const records = [];
  for await (const { id, site, response: answer, error } of iterator) {
    records.push({ id, site: plain(site), response: answer && (await response(answer)), error: error && { code: error.code } });
    if (records.length === meanwhile?.after) await meanwhile.control();
  }
  const place = ({ id, site }) => `${id} ${site?.url ?? ''}`;
  const order = records.map(({ id }) => id);
  return { results: records.sort((one, other) => (place(one) < place(other) ? -1 : 1)), order };
}

async function response(result) {
  const record = { status: result.status, url: result.url, attempts: result.attempts, history: plain(result.history) };
  record.headers = Object.fromEntries(result.headers);
  const pieces = [];
  for await (const piece of result.body) pieces.push(piece);
  record.text = Buffer.concat(pieces).toString();
  try {
    record.json = JSON.parse(record.text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return record;
}

// ---------------------------------------------------------------------------------------- the run
class Run {
  constructor(vector, folder, codes) {
    Object.assign(this, { vector, folder, codes });
    this.clients = {};
    this.jobs = {};
    this.events = [];
    this.secrets = ['sandbox-secret', 'not-the-secret', KEY, 'browser-1'];
  }

  async go() {
    const child = spawn(SANDBOX, ['--port', '0'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = once(child, 'exit');
    this.closed = await closedPort();
    try {
      const [line] = await once(createInterface(child.stdout), 'line');
      this.sandbox = JSON.parse(line).url;
      const now = Date.now();
      const times = { now, hour_ago: now - 3_600_000, hour_ahead: now + 3_600_000 };
      const fixed = { redirect_uri: REDIRECT_URI, encryption_key: KEY, dir: this.folder, closed_port: this.closed.localPort };
      this.saved = { sandbox: this.sandbox, ...fixed, ...times };
      if (this.vector.world) await this.control('PUT', '/_sandbox/world', this.vector.world);
      for (const [index, step] of this.vector.steps.entries()) {
        await this.step(step).catch((error) => {
          error.message = `${this.vector.name}, step ${index + 1} ${JSON.stringify(step)}: ${error.message}`;
          throw error;
        });
      }
      this.checkFixture();
      this.checkSecrets('an event', JSON.stringify(this.events));
    } finally {
      // Whoever still waits at the sandbox is let go first, so that closing cannot hang.
      this.closed.destroy();
      child.stdin.end();
      await ended;
      await Promise.allSettled([...Object.values(this.jobs), ...Object.values(this.clients).map((one) => one.close({ timeoutMs: 1000 }))]);
    }
  }

  /** Puts in what was saved: `${name.path}`, and `${name?parameter}` for a URL. */
  fill(value) {
    if (Array.isArray(value)) return value.map((item) => this.fill(item));
    if (isObject(value)) return mapped(value, (name, item) => [name, this.fill(item)]);
    if (typeof value !== 'string') return value;
    const whole = /^\$\{([^}]*)\}$/.exec(value);
    if (whole) return this.lookUp(whole[1]);
    return value.replace(/\$\{([^}]*)\}/g, (_, name) => this.lookUp(name));
  }

  lookUp(text) {
    const [name, parameter] = text.split('?');
    const found = at(this.saved, name);
    assert.notEqual(found, undefined, `nothing was saved as ${name}`);
    return parameter ? query(found, parameter) : found;
  }

  async step(step) {
    if ('background' in step) {
      this.jobs[step.as] = this.step(step.background);
      this.jobs[step.as].catch(() => {});
    } else if ('join' in step) {
      const job = this.jobs[step.join];
      delete this.jobs[step.join];
      await Promise.race([job, pause(PATIENCE * 2, undefined, { ref: false }).then(() => assert.fail('it does not end'))]);
    } else if ('parallel' in step) {
      const { parallel, clients = [step.client ?? 'main'], ...single } = step;
      const calls = Array.from({ length: parallel }, (_, index) => ({ ...single, client: clients[index % clients.length] }));
      await Promise.all(calls.map((one) => this.step(one)));
    } else if ('await' in step || 'event' in step) {
      await this.wait(step);
    } else {
      await this.judge(step);
    }
  }

  async judge(step) {
    let [result, failed] = await this.attempt(step);
    for (const until = performance.now() + PATIENCE; step.patient && failed?.retryable && performance.now() < until; ) {
      await pause(50);
      [result, failed] = await this.attempt(step);
    }
    if (step.any_outcome) return;
    if (failed?.code !== step.error) {
      const message = `expected ${step.error ?? 'success'}, got ${JSON.stringify(result)}`;
      throw new assert.AssertionError({ message, actual: failed?.code, expected: step.error });
    }
    if (step.save) {
      this.saved[step.save] = result;
      this.secrets.push(...secretsIn(result));
    }
    for (const [path, wanted] of Object.entries(this.fill(step.expect ?? {}))) {
      const actual = at(result, path);
      const message = `${path || 'the result'} is ${JSON.stringify(actual)}, expected ${JSON.stringify(wanted)} in ${JSON.stringify(result)}`;
      assert.ok(matches(actual, wanted), message);
    }
  }

  /** What came of a step: its result, or the error as a record and as it was thrown. */
  async attempt(step) {
    try {
      return [await this.act(step), undefined];
    } catch (error) {
      if (!(error instanceof ThreeloError)) throw error;
      return [this.error(error), error];
    }
  }

  async act(step) {
    if ('open' in step) {
      await new Client(this.options(step.open)).close();
      return null;
    }
    if ('control' in step) {
      const { method, path, body } = this.fill(step.control);
      return this.control(method, path, body);
    }
    if ('consent' in step) return (await this.control('POST', '/_sandbox/consent', this.fill(step.consent))).callback;
    if ('other_system' in step) return this.otherSystem(step.other_system);
    const client = this.client(step.client ?? 'main');
    if ('connected' in step) return this.connected(client, this.fill(step.connected));
    return callFace(client, step.call, this.fill(step.with ?? {}), { ...step, meanwhile: this.meanwhile(step) });
  }

  /** What the step wants done after so many results. */
  meanwhile({ meanwhile }) {
    if (!meanwhile) return undefined;
    const { method, path, body } = this.fill(meanwhile.control);
    return { after: meanwhile.after, control: () => this.control(method, path, body) };
  }

  async connected(client, { account, sites, ...options }) {
    const session = await callFace(client, 'connect', { binding: 'browser-1', ...options }, {});
    const { callback } = await this.control('POST', '/_sandbox/consent', { url: session.url, account, sites });
    this.secrets.push(...secretsIn(session), ...secretsIn(callback));
    return callFace(client, 'complete', { callback_url: callback, binding: 'browser-1' }, {});
  }

  async otherSystem(person) {
    const url = `${this.sandbox}/authorize?${OTHER_SYSTEM}`;
    const { callback } = await this.control('POST', '/_sandbox/consent', { url, ...person });
    return this.control('POST', '/oauth/token', {
      grant_type: 'authorization_code',
      client_id: 'sandbox-client',
      client_secret: 'sandbox-secret',
      redirect_uri: REDIRECT_URI,
      code: query(callback, 'code'),
    });
  }

  options(own) {
    const store = this.vector.store ?? 'memory';
    const file = join(this.folder, store.fixture ?? 'threelo.db');
    if (store.fixture && !existsSync(file)) copyFileSync(join(FOLDER, 'fixtures', store.fixture), file);
    const options = {
      client_id: 'sandbox-client',
      client_secret: 'sandbox-secret',
      redirect_uri: REDIRECT_URI,
      scopes: SCOPES,
      store: store === 'memory' ? 'memory:' : file,
      encryption_key: KEY,
      endpoints: { auth: this.sandbox, api: this.sandbox },
      ...this.vector.client,
      ...own,
    };
    const given = Object.entries(options).filter(([, value]) => value !== null);
    const filled = given.map(([name, value]) => [camel(name), raw(this.fill(value))]);
    return { onEvent: (event) => this.events.push(plain(event)), ...Object.fromEntries(filled) };
  }

  /** Who refuses a file must not have written to it. */
  checkFixture() {
    const name = this.vector.store?.fixture;
    const content = (folder) => readFileSync(join(folder, name));
    if (name) assert.deepEqual(content(this.folder), content(join(FOLDER, 'fixtures')), `${name} was changed`);
  }

  client(name) {
    this.clients[name] ??= new Client(this.options((this.vector.clients ?? { main: {} })[name]));
    return this.clients[name];
  }

  async wait(step) {
    const until = performance.now() + PATIENCE;
    for (;;) {
      const state = step.await ? await this.control('GET', step.await) : this.events;
      const wanted = Object.entries(this.fill(step.await ? step.expect : step.event));
      const holds = (one) => wanted.every(([path, value]) => matches(at(one, path), value));
      if (step.await ? holds(state) : state.some(holds)) return;
      assert.ok(performance.now() < until, `${JSON.stringify(wanted)} did not happen; there is ${JSON.stringify(state)}`);
      await pause(10);
    }
  }

  /** An error as a record, and what holds for every error: its flags, its silence about secrets. */
  error(error) {
    const record = {};
    for (const name of ['code', 'message', 'hint', 'retryable', 'status', 'context']) record[name] = error[name] ?? null;
    assert.ok(record.message.includes(record.context.option ?? ''), `the option's name stands in: ${record.message}`);
    // It is named as the caller's language writes it; the vectors write it in snake_case.
    if (record.context.option) record.context = { ...record.context, option: spelt(record.context.option) };
    assert.notEqual(error.constructor, ThreeloError, `${error.code} has a class of its own`);
    assert.equal(record.retryable, this.codes[record.code]);
    assert.ok(record.message && record.hint);
    const told = JSON.stringify(record) + String(error) + error.stack;
    this.checkSecrets(record.code, told);
    return record;
  }

  checkSecrets(who, told) {
    const leaked = this.secrets.filter((secret) => told.includes(secret));
    assert.deepEqual(leaked, [], `${who} tells secrets`);
  }

  async control(method, path, body) {
    const init = { method, headers: { 'content-type': 'application/json' } };
    if (body !== undefined) init.body = JSON.stringify(body);
    const answer = await fetch(this.sandbox + path, init);
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }
}

/** `timeoutMs` is what Node calls `timeout`. */
const spelt = (name) => (name === 'timeoutMs' ? 'timeout' : snake(name));

/** Long texts under secret names: what must never stand in an error. */
function secretsIn(value) {
  if (Array.isArray(value)) return value.flatMap(secretsIn);
  if (isObject(value)) return [value.state, value.access_token, value.refresh_token].filter((one) => typeof one === 'string');
  const isCallback = typeof value === 'string' && value.startsWith(REDIRECT_URI);
  return isCallback ? [query(value, 'code'), query(value, 'state')].filter(Boolean) : [];
}

/** A connection whose own port stays taken, and refuses: nobody listens there. */
async function closedPort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const closed = connect(server.address().port, '127.0.0.1');
  await once(closed, 'connect');
  server.close();
  return closed;
}

/** Runs a vector in a folder and a sandbox of its own. `codes` tells of each error code whether it is retryable. */
export async function runVector(vector, codes) {
  const folder = mkdtempSync(join(tmpdir(), 'threelo-'));
  try {
    await new Run(vector, folder, codes).go();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
