// Generated from api.toml; `make generate` writes it anew.

import type { FileLike } from './files.js';
import type { LogLine } from './log.js';
import type { Event } from './types.js';

/** A value of a query parameter. */
export type Scalar = string | number | boolean;

/** What every verb takes. */
export interface CallOptions {
  /** How long the call may take, in milliseconds; then it ends with a `TimeoutError`. */
  readonly timeoutMs?: number | undefined;
  /** Ends the call with a `CancelledError` when it is aborted. A rotation under way is finished all the same. */
  readonly signal?: AbortSignal | undefined;
}

/** What a `Client` is made with. */
export interface ClientOptions {
  /** The app's client id from Atlassian's developer console. */
  readonly clientId: string;
  /** The app's client secret. */
  readonly clientSecret: string;
  /** The callback URL registered for the app: https, or http for loopback hosts only. */
  readonly redirectUri: string;
  /** Scopes a connect asks for; offline_access is always added (F1.2). */
  readonly scopes: readonly string[];
  /**
   * Where grants and connections live: a path or sqlite: URL for SQLite, postgresql://user:password@host:port/database?sslmode=verify-full for PostgreSQL, or memory: for tests.
   *
   * @defaultValue `'threelo.db'`
   */
  readonly store?: string | undefined;
  /** 32 bytes, raw or in base64; of several, the first seals and all open. Without one, SQLite keeps a key file beside the database; PostgreSQL needs one. */
  readonly encryptionKey?: string | Uint8Array | readonly (string | Uint8Array)[] | undefined;
  /** Overrides Atlassian's hosts: auth, api, and resources for the accessible-resources URL where it differs (F1.15). Plain http for loopback only. */
  readonly endpoints?: Readonly<Record<string, string>> | undefined;
  /**
   * What a connect does when several sites are there and none was named.
   *
   * @defaultValue `'first'`
   */
  readonly sitePolicy?: 'first' | 'ask' | undefined;
  /** URL of an http(s) proxy for all requests. Without it the usual environment variables count. */
  readonly proxy?: string | undefined;
  /** Path of a PEM file with the certificate authorities to trust instead of the platform's. */
  readonly caBundle?: string | undefined;
  /**
   * Largest answer that is read into memory, in bytes, after decompression.
   *
   * @defaultValue `67108864`
   */
  readonly maxBodyBytes?: number | undefined;
  /**
   * Whether work may go on after a call has returned. false is for runtimes that freeze between calls: tokens are rotated ahead of need within calls, and a call returns only when what it began is finished, rotations stored, even if that takes longer than its timeout.
   *
   * @defaultValue `true`
   */
  readonly background?: boolean | undefined;
  /** Called with each event, apart from the calls themselves; it can neither slow nor break them. */
  readonly onEvent?: ((event: Event) => void) | undefined;
  /** Called with each line that threelo writes in this process while the client is open, apart from the calls themselves. In Python the lines go to logging, under the name threelo. */
  readonly onLog?: ((line: LogLine) => void) | undefined;
}

/** Options of `connect`. */
export interface ConnectOptions extends CallOptions {
  /** Whatever ties the session to this user's browser, such as its session id; null only in one-user tools. */
  readonly binding: string | null;
  /** Subdomain, site URL or cloud id the connection must be for. */
  readonly site?: string | undefined;
  /** Scopes to ask for instead of the client's. */
  readonly scopes?: readonly string[] | undefined;
  /** Labels to find connections by. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** Anything the application wants to keep with the connection. */
  readonly metadata?: object | undefined;
  /**
   * Lets a reconnect be answered by another Atlassian account.
   *
   * @defaultValue `false`
   */
  readonly allowAccountChange?: boolean | undefined;
  /**
   * A reconnect also asks for the scopes the grant had (F1.9).
   *
   * @defaultValue `true`
   */
  readonly keepScopes?: boolean | undefined;
}

/** Options of `complete`. */
export interface CompleteOptions extends CallOptions {
  /** The same value connect() was given. */
  readonly binding: string | null;
}

/** Options of `proxyRequest`. */
export interface ProxyRequestOptions extends CallOptions {
  /** Query parameters; a list repeats its key, null leaves it out. */
  readonly params?: Readonly<Record<string, Scalar | readonly Scalar[] | null | undefined>> | undefined;
  /** Body, sent as JSON. */
  readonly json?: unknown | undefined;
  /** Body, sent as it is. */
  readonly data?: string | Uint8Array | undefined;
  /** Body, sent as a form; a list repeats its field, null leaves it out. With files, the form's other fields. */
  readonly form?: Readonly<Record<string, Scalar | readonly Scalar[] | null | undefined>> | undefined;
  /** Files to upload as a multipart form: paths, bytes, file objects or streams, read while they are sent (F5.8). */
  readonly files?: FileLike | readonly FileLike[] | undefined;
  /**
   * Hands a success on while it arrives, whatever its size; every other answer is read whole. timeout is then for its beginning, and for each wait for more.
   *
   * @defaultValue `false`
   */
  readonly stream?: boolean | undefined;
  /** Request headers; Authorization and Host are threelo's own. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /**
   * For requests that another HTTP client made up: leaves out headers that are threelo's own, instead of refusing them.
   *
   * @defaultValue `false`
   */
  readonly relay?: boolean | undefined;
  /** Another site of the same grant, for this call only. */
  readonly site?: string | undefined;
  /**
   * safe: reads, and writes that certainly did not run; idempotent: this write may be repeated; none: one attempt.
   *
   * @defaultValue `'safe'`
   */
  readonly retry?: 'safe' | 'idempotent' | 'none' | undefined;
}

/** Options of `proxyRequestMany`. */
export interface ProxyRequestManyOptions extends CallOptions {
  /** Query parameters; a list repeats its key, null leaves it out. */
  readonly params?: Readonly<Record<string, Scalar | readonly Scalar[] | null | undefined>> | undefined;
  /** Body, sent as JSON. */
  readonly json?: unknown | undefined;
  /** Body, sent as it is. */
  readonly data?: string | Uint8Array | undefined;
  /** Request headers; Authorization and Host are threelo's own. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /**
   * One call for every Jira site that each connection's grant was last seen to reach, instead of the chosen site alone.
   *
   * @defaultValue `false`
   */
  readonly allSites?: boolean | undefined;
  /**
   * How many calls are under way at once, from 1 to 256. No site has more than an even share of them while others wait.
   *
   * @defaultValue `8`
   */
  readonly concurrency?: number | undefined;
  /**
   * As in proxy_request.
   *
   * @defaultValue `'safe'`
   */
  readonly retry?: 'safe' | 'idempotent' | 'none' | undefined;
}

/** Options of `paginate`. */
export interface PaginateOptions extends CallOptions {
  /**
   * GET, or POST for listings that take their query as a body.
   *
   * @defaultValue `'GET'`
   */
  readonly method?: 'GET' | 'POST' | undefined;
  /** Query parameters. */
  readonly params?: Readonly<Record<string, Scalar | readonly Scalar[] | null | undefined>> | undefined;
  /** Body of a POST listing. */
  readonly json?: object | undefined;
  /** Another site of the same grant. */
  readonly site?: string | undefined;
  /** Stop after this many items. */
  readonly limit?: number | undefined;
  /** Go on from where an earlier iterator, in either language, stopped. */
  readonly cursor?: string | undefined;
  /** Ask for pages of this many items, under the name the listing has for it. A hint: servers give fewer as they like. */
  readonly pageSize?: number | undefined;
  /**
   * Fetch the next page while the present one is used.
   *
   * @defaultValue `true`
   */
  readonly prefetch?: boolean | undefined;
  /**
   * How many pages are fetched at once, 1 to 16, where a listing counts its items and says how many there are.
   *
   * @defaultValue `1`
   */
  readonly parallel?: number | undefined;
  /**
   * Leave out items that came before, by id, key, self or all of it. The newest 100,000 are remembered.
   *
   * @defaultValue `false`
   */
  readonly deduplicate?: boolean | undefined;
}

/** Options of `connections`. */
export interface ConnectionsOptions extends CallOptions {
  /** Only connections that carry all of these. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** Go on after this place: the cursor of an earlier iterator. */
  readonly cursor?: string | undefined;
}

/** Options of `update`. */
export interface UpdateOptions extends CallOptions {
  /** The new tags, in place of all old ones. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** The new metadata, in place of the old. */
  readonly metadata?: object | undefined;
}

/** Options of `importConnection`. */
export interface ImportConnectionOptions extends CallOptions {
  /** The newest refresh token. Nobody else may spend it from now on. */
  readonly refreshToken: string;
  /** A still-valid access token; without one the first use rotates. */
  readonly accessToken?: string | undefined;
  /** When the access token expires. */
  readonly expiresAt?: Date | number | undefined;
  /** What was granted. */
  readonly scopes?: readonly string[] | undefined;
  /** The Atlassian account's id. */
  readonly accountId?: string | undefined;
  /** Subdomain, site URL or cloud id. */
  readonly site?: string | undefined;
  /** Labels. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
  /** Anything the application wants to keep with the connection. */
  readonly metadata?: object | undefined;
}

/** Options of `keepAlive`. */
export interface KeepAliveOptions extends CallOptions {
  /**
   * Rotates grants whose tokens are older than this, in days. They die at 90.
   *
   * @defaultValue `30`
   */
  readonly idleDays?: number | undefined;
  /**
   * How many are rotated at once.
   *
   * @defaultValue `8`
   */
  readonly concurrency?: number | undefined;
}

/** Options of `authorize`. */
export interface AuthorizeOptions extends CallOptions {
  /** Another site of the same grant. */
  readonly site?: string | undefined;
  /** The access token that Jira answered with 401: another one is taken or rotated for, at most once in a minute. */
  readonly rejected?: string | undefined;
  /** The body of that answer. A missing scope is told from a rejected token by it, and never rotates (F6.2). */
  readonly answer?: string | undefined;
}
