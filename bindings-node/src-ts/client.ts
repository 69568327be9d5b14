import { call, port } from './calls.js';
import { encode, encodeBeside, isAscii, isBare, keys, millis, uncallable } from './encode.js';
import { errorFrom, unwrap } from './fail.js';
import { type Fetch, fetchOf, type FetchOptions } from './fetch.js';
import { RequestResults } from './many.js';
import { upload } from './files.js';
import { LogLine } from './log.js';
import { type Completion, type NativeClient, native } from './native.js';
import type {
  AuthorizeOptions,
  CallOptions,
  ClientOptions,
  CompleteOptions,
  ConnectionsOptions,
  ConnectOptions,
  ImportConnectionOptions,
  KeepAliveOptions,
  PaginateOptions,
  ProxyRequestManyOptions,
  ProxyRequestOptions,
  UpdateOptions,
} from './options.js';
import { Connections, Paginator } from './paginate.js';
import {
  Authorization, Connection, ConnectSession, KeepAliveReport, type RawAuthorization, type RawConnection, type RawConnectSession, type RawKeepAliveReport,
  RateLimit, type RawRateLimit, type RawRekeyReport, type RawSite, RekeyReport, Site,
} from './records.js';
import { subscribe } from './subscribe.js';
import { Event, Response } from './types.js';

/**
 * Connections to Jira that last. Make one for a process and keep it; every verb may be called any number of times at
 * once.
 *
 * Every verb takes `timeoutMs` and `signal`, and rejects with a {@link ThreeloError} when it fails. Beside the errors
 * named with a verb, any may reject with `InvalidArgumentError`, `TimeoutError`, `CancelledError`,
 * `StoreUnavailableError` and `ClosedError`; those that reach Atlassian also with `NetworkError`,
 * `IdentityUnavailableError`, `ClientCredentialsRejectedError` and `ReauthorizationRequiredError`.
 *
 * @example
 * ```ts
 * const client = new Client({ clientId, clientSecret, redirectUri, scopes: ['read:jira-work'] });
 * const session = await client.connect('user-42', { binding: browserSessionId, site: 'acme' });
 * // send the browser to session.url; in the callback route, in any process:
 * await client.complete(callbackUrl, { binding: browserSessionId });
 * const response = await client.proxyRequest('user-42', 'GET', '/rest/api/3/myself');
 * ```
 */
export class Client {
  readonly #native: NativeClient;

  /**
   * Opens the store; this takes a few milliseconds and nothing is sent.
   *
   * @throws InvalidConfigError, StoreUnavailableError, SchemaNewerError, DecryptionFailedError
   */
  constructor(options: ClientOptions) {
    const { onEvent, onLog, encryptionKey, ...plain } = options ?? {};
    // What cannot be called goes on under its name, for the core to refuse.
    const text = encode({ ...plain, encryptionKey: keys(encryptionKey), onEvent: uncallable(onEvent), onLog: uncallable(onLog) });
    const log = typeof onLog === 'function' ? new native.NativeLog(port) : undefined;
    this.#native = unwrap(native.open(port, text), Client);
    if (typeof onEvent === 'function') void subscribe('onEvent', this.#native.events(), Event, onEvent);
    log?.endWith(this.#native);
    if (log && onLog) void subscribe('onLog', log, LogLine, onLog);
  }

  /**
   * Starts a consent, or a reconnect that keeps the id. Send the user's browser to the session's `url`.
   *
   * @param id - the application's own handle for this connection, such as `user-42`
   */
  async connect(id: string, options: ConnectOptions): Promise<ConnectSession> {
    return new ConnectSession(await this.#call<RawConnectSession>('connect', options, { id }));
  }

  /**
   * Checks the one-time state, exchanges the code, stores the pair at once, then learns account and sites and chooses
   * the site. Works in any process that uses the same store.
   *
   * @param callbackUrl - the full URL the browser came back to
   * @throws AuthorizationDeniedError, StateInvalidError, AccountMismatchError, SiteNotFoundError
   */
  async complete(callbackUrl: string, options: CompleteOptions): Promise<Connection> {
    return new Connection(await this.#call<RawConnection>('complete', options, { callbackUrl }));
  }

  /**
   * Rotates the tokens now, or joins the rotation under way in this process, another process or another machine.
   *
   * @throws ConnectionNotFoundError
   */
  async refresh(id: string, options?: CallOptions): Promise<Connection> {
    return new Connection(await this.#call<RawConnection>('refresh', options, { id }));
  }

  /**
   * One authenticated call to the connection's site. Resolves for every HTTP status; see
   * {@link Response.raiseForStatus}.
   *
   * @param id - the connection's id
   * @param method - GET, POST, PUT, DELETE, PATCH, HEAD or OPTIONS
   * @param path - such as `/rest/api/3/myself`, or a URL of the connection's own site
   * @throws ConnectionNotFoundError, SiteRequiredError, SiteNotFoundError, DestinationRefusedError, RateLimitedError,
   * OutcomeUnknownError, ResponseTruncatedError, BodyTooLargeError; InvalidArgumentError also where a file cannot be
   * read, with what its source threw as the cause
   *
   * @example
   * ```ts
   * await client.proxyRequest('user-42', 'POST', '/rest/api/3/issue/ACME-1/attachments', { files: 'report.pdf' });
   * const content = '/rest/api/3/attachment/content/10001';
   * const response = await client.proxyRequest('user-42', 'GET', content, { stream: true });
   * await response.raiseForStatus().save('report.pdf');
   * ```
   */
  async proxyRequest(id: string, method: string, path: string, options?: ProxyRequestOptions): Promise<Response> {
    if (options?.files !== undefined) return this.#upload(options, { id, method, path });
    const { signal, data, ...rest } = options ?? {};
    if (data === undefined && isBare(rest) && isAscii(id, method, path)) {
      const plainly = (number: number) => this.#native.requestPlain(number, id, method, path);
      return new Response((await this.#run(plainly, signal)).response!, signal);
    }
    const [text, body] = encodeBeside(data, { ...rest, id, method, path });
    const send = (number: number) => this.#native.request(number, text, body);
    return new Response((await this.#run(send, signal)).response!, signal);
  }

  /**
   * The same call for many connections, several at once. Iterates over the results as they come; what goes wrong for one
   * is told in its result and delays no other.
   *
   * @example
   * ```ts
   * for await (const { id, response, error } of client.proxyRequestMany(ids, 'GET', '/rest/api/3/myself')) {
   *   console.log(id, error ?? response.status);
   * }
   * ```
   *
   * @param ids - the connections' ids
   * @param method - as in `proxyRequest`
   * @param path - as in `proxyRequest`
   * @throws InvalidArgumentError and DestinationRefusedError at once; all others stand in the results
   */
  proxyRequestMany(
    ids: readonly string[], method: string, path: string, options?: ProxyRequestManyOptions,
  ): RequestResults {
    const { signal, data, ...plain } = options ?? {};
    const [text, body] = encodeBeside(data, { ...plain, ids, method, path });
    return new RequestResults(unwrap(this.#native.requestMany(text, body), this.proxyRequestMany), signal);
  }

  /**
   * The items of a listing, page after page; nothing is sent before the first is asked for. `pages()` gives whole
   * pages, `cursor` the place to go on from.
   *
   * @param id - the connection's id
   * @param path - path of the listing
   * @throws InvalidArgumentError and CursorInvalidError at once; while iterating, what `proxyRequest` and
   * `raiseForStatus` throw, and PaginationStalledError
   */
  paginate<T = unknown>(id: string, path: string, options?: PaginateOptions): Paginator<T> {
    const { signal, ...plain } = options ?? {};
    const pages = this.#native.paginate(encode({ ...plain, id, path }));
    return new Paginator<T>(unwrap(pages, this.paginate), signal);
  }

  /**
   * The Jira sites the connection's grant reaches, fresh from Atlassian.
   *
   * @throws ConnectionNotFoundError
   */
  async sites(id: string, options?: CallOptions): Promise<Site[]> {
    return (await this.#call<RawSite[]>('sites', options, { id })).map((site) => new Site(site));
  }

  /**
   * Moves a connection to another site of its grant.
   *
   * @param site - subdomain, site URL or cloud id
   * @throws ConnectionNotFoundError, SiteNotFoundError
   */
  async selectSite(id: string, site: string, options?: CallOptions): Promise<Connection> {
    return new Connection(await this.#call<RawConnection>('select_site', options, { id, site }));
  }

  /**
   * One connection as the store has it.
   *
   * @throws ConnectionNotFoundError
   */
  async connection(id: string, options?: CallOptions): Promise<Connection> {
    return new Connection(await this.#call<RawConnection>('connection', options, { id }));
  }

  /** Connections in the order of their ids, or those that carry all of `tags`. */
  connections(options?: ConnectionsOptions): Connections {
    return new Connections(this.#native, options ?? {});
  }

  /**
   * Replaces a connection's tags, its metadata, or both.
   *
   * @throws ConnectionNotFoundError
   */
  async update(id: string, options: UpdateOptions): Promise<Connection> {
    return new Connection(await this.#call<RawConnection>('update', options, { id }));
  }

  /**
   * Removes a connection. The last one of a grant also deletes the grant and then tries to revoke it, without
   * promising that.
   *
   * @throws ConnectionNotFoundError
   */
  async disconnect(id: string, options?: CallOptions): Promise<void> {
    await this.#call('disconnect', options, { id });
  }

  /**
   * Takes over a connection whose tokens another system held, without a new consent.
   *
   * @param id - the new connection's id
   * @throws AlreadyImportedError, SiteNotFoundError
   */
  async importConnection(id: string, options: ImportConnectionOptions): Promise<Connection> {
    const expiresAt = millis(options?.expiresAt);
    return new Connection(await this.#call<RawConnection>('import_connection', options, { id, expiresAt }));
  }

  /**
   * One pass over the app's grants: takes up rotations that a crash cut off, rotates those that would die of inactivity
   * and lists the connections that need a person. Run it daily, on any number of machines at once. Without `timeoutMs` it takes as long as it takes; a grant
   * that cannot be rotated is counted, not thrown.
   */
  async keepAlive(options?: KeepAliveOptions): Promise<KeepAliveReport> {
    return new KeepAliveReport(await this.#call<RawKeepAliveReport>('keep_alive', options, {}));
  }

  /**
   * Seals everything in the store with the first of the encryption keys, while others go on using it. Give all
   * processes the new key first and the old ones behind it, run this once, and take the old ones away when it says that
   * it is complete. Without `timeoutMs` it takes as long as it takes; what cannot be moved is counted, not thrown.
   */
  async rekey(options?: CallOptions): Promise<RekeyReport> {
    return new RekeyReport(await this.#call<RawRekeyReport>('rekey', options, {}));
  }

  /**
   * The rate limits that concern a connection, as Jira's last answers told them; nothing is sent.
   *
   * @throws ConnectionNotFoundError, SiteRequiredError
   */
  async rateLimits(id: string, options?: CallOptions): Promise<RateLimit[]> {
    return (await this.#call<RawRateLimit[]>('rate_limits', options, { id })).map((limit) => new RateLimit(limit));
  }

  /**
   * A fresh access token, for those who bring their own HTTP client.
   *
   * @throws ConnectionNotFoundError
   */
  async accessToken(id: string, options?: CallOptions): Promise<string> {
    return this.#call<string>('access_token', options, { id });
  }

  /**
   * What another HTTP client needs for one request of its own: where to send it, and the access token. Refuses every
   * address but the connection's own site. {@link fetch} does without.
   *
   * @param id - the connection's id
   * @param path - path or URL of the request
   * @throws DestinationRefusedError, ConnectionNotFoundError, SiteRequiredError
   *
   * @example
   * ```ts
   * const { url, accessToken } = await client.authorize('user-42', '/rest/api/3/myself');
   * const answer = await fetch(url, { headers: { authorization: `Bearer ${accessToken}` } });
   * ```
   */
  async authorize(id: string, path: string, options?: AuthorizeOptions): Promise<Authorization> {
    return new Authorization(await this.#call<RawAuthorization>('authorize', options, { id, path }));
  }

  /**
   * The web's `fetch` for one connection, for other HTTP and Jira clients. Requests go through
   * {@link Client.proxyRequest}: tokens, retries, rate limits and the question of where a request may go are threelo's.
   *
   * URLs are paths such as `/rest/api/3/myself`, or those of the connection's own site; any other is refused. Bodies of
   * requests are read into memory, those of answers are streamed. It rejects with what `proxyRequest` throws, and with
   * the signal's reason when that is aborted. Redirects come as they are, except to files, which are followed.
   *
   * @param id - the connection's id
   *
   * @example
   * ```ts
   * const jira = client.fetch('user-42');
   * const { displayName } = await (await jira('/rest/api/3/myself')).json();
   * ```
   */
  fetch(id: string, options?: FetchOptions): Fetch {
    return fetchOf(this, id, options);
  }

  /**
   * Finishes rotations in flight, stores them, and frees everything. Calls under way end with `CancelledError`.
   * `timeoutMs` is how long to wait for the rotations.
   */
  async close(options?: CallOptions): Promise<void> {
    await this.#call('close', options, {});
  }

  /** {@link Client.close}, at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #call<T>(verb: string, options: CallOptions | undefined, named: object): Promise<T> {
    const { signal, ...plain } = options ?? {};
    const text = encode({ ...plain, ...named });
    const completion = await this.#run((id) => this.#native.call(id, verb, text), signal);
    return JSON.parse(completion.text!) as T;
  }

  async #upload(options: ProxyRequestOptions, named: object): Promise<Response> {
    const { failure, response } = await upload(this.#native, options, named);
    if (failure) throw errorFrom(failure, this.#upload);
    return new Response(response!, options.signal);
  }

  async #run(start: (id: number) => void, signal: AbortSignal | undefined): Promise<Completion> {
    const completion = await call(start, signal);
    if (completion.failure) throw errorFrom(completion.failure, this.#run);
    return completion;
  }
}
