/**
 * A little Atlassian for your own tests: consent, tokens, sites and a small Jira, without the network.
 *
 * ```js
 * await using atlassian = new Sandbox();
 * await using client = atlassian.client();
 * await atlassian.connect(client, 'user-42');
 * ```
 *
 * Each sandbox has a port, a world and a log of its own, so tests can run side by side.
 *
 * @packageDocumentation
 */
/// <reference types="node" preserve="true" />

import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';

import { Client } from './client.js';
import { native } from './native.js';
import type { ClientOptions, ConnectOptions } from './options.js';
import type { Connection } from './records.js';

const BINDING = 'browser';

/** What the person does at the consent page. */
export interface Choice {
  /** Name, id or address of who is there; the world's first account when left out. */
  account?: string;
  /** Subdomains, addresses or cloud ids of the sites that are accepted; the first that the account may use when left out. */
  sites?: string[];
  /** `decline` sends the browser back without a code. */
  decision?: 'accept' | 'decline';
}

/** Not by the global `fetch`, which tests replace; and with an agent of its own, which no proxy of the environment stands behind. */
function sent(method: string, url: string, body: string): Promise<{ status: number; told: string }> {
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, headers, agent: new Agent() }, (answer) => {
      text(answer).then((told) => resolve({ status: answer.statusCode ?? 0, told }), reject);
    });
    asked.on('error', reject).end(body);
  });
}

/** A running sandbox. It binds 127.0.0.1 only and stops when it is closed, at the latest with the process. */
export class Sandbox {
  /** Address of both hosts, auth and API. */
  readonly url: string;
  readonly #native;
  readonly #options: ClientOptions;

  /**
   * @param world - apps, accounts, sites, faults and settings, as the sandbox's README describes them; what is left out has a
   *   default: the account `ada`, and the sites `acme`, `zeta` and others with 57 issues each
   * @param port - where it listens; 0 takes a free port
   * @throws Error: the world cannot be, or the port is taken.
   */
  constructor(world?: Readonly<Record<string, unknown>>, port = 0) {
    this.#native = new native.NativeSandbox(world ? JSON.stringify(world) : '', port);
    const given = JSON.parse(this.#native.options ?? '');
    this.url = given.endpoints.api;
    this.#options = { clientId: given.client_id, clientSecret: given.client_secret, redirectUri: given.redirect_uri, scopes: given.scopes, store: given.store, endpoints: given.endpoints };
  }

  /** A page for a browser: what this sandbox sees, while it sees it. */
  get page(): string {
    return `${this.url}/_sandbox/`;
  }

  /** Options of a client of this sandbox: its app, its scopes without Confluence's, and a store in memory, changed by `more`. */
  options(more: Partial<ClientOptions> = {}): ClientOptions {
    return { ...this.#options, ...more };
  }

  /** A client of this sandbox. */
  client(more: Partial<ClientOptions> = {}): Client {
    return new Client(this.options(more));
  }

  /** Plays the person at the consent page a session's `url` leads to, and resolves to where the browser is sent back. */
  async consent(url: string, choice: Choice = {}): Promise<string> {
    return ((await this.control('POST', '/consent', { url, ...choice })) as { callback: string }).callback;
  }

  /**
   * Connects `id` as a person would.
   *
   * @param choice - what the person does, where `sites` is the `site` of the options when left out; and options of the client's
   *   `connect()`, such as `site` and `tags`, of which `binding` has a value
   */
  async connect(client: Client, id: string, { account, sites, decision, ...options }: Choice & Partial<ConnectOptions> = {}): Promise<Connection> {
    const given = { binding: BINDING, ...options };
    const session = await client.connect(id, given);
    // Whoever is sent for one site takes that one.
    const accepted = sites ?? (given.site === undefined ? undefined : [given.site]);
    const callback = await this.consent(session.url, { ...(account && { account }), ...(accepted && { sites: accepted }), ...(decision && { decision }) });
    return client.complete(callback, { binding: given.binding });
  }

  /**
   * A call of the sandbox's control API, such as `('POST', '/faults', {…})` or `('GET', '/log')`.
   *
   * @throws Error: there is no such call, or its body cannot be.
   */
  async control(method: string, path: string, body?: unknown): Promise<unknown> {
    const { status, told } = await sent(method, `${this.url}/_sandbox${path}`, body === undefined ? '' : JSON.stringify(body));
    if (status >= 400) throw new Error(`${method} ${path} was answered with ${status}: ${told}`);
    return told ? JSON.parse(told) : null;
  }

  /** Stops it. Closing twice is no error. */
  close(): void {
    this.#native.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}
