import type { ReadableStream } from 'node:stream/web';

import { port } from './calls.js';
import { errorFrom } from './fail.js';
import { inspect, type Inspecting, shown } from './inspect.js';
import type { NativeBody, NativeResponse } from './native.js';
import { type EventKind, HistoryEntry, type RawHistoryEntry } from './records.js';
import { saved, streamOf } from './stream.js';

/**
 * An answer of Jira, whatever its status. It has been read, unless the call said `stream`: then `body` is read while it
 * arrives, or {@link Response.save} writes it to a file.
 */
export class Response {
  readonly #native: NativeResponse;
  #headers: Headers | undefined;
  #history: HistoryEntry[] | undefined;
  #body: Buffer | undefined;
  #reader: NativeBody | undefined;
  #stream: ReadableStream<Uint8Array> | undefined;
  readonly #signal: AbortSignal | undefined;

  /** @internal */
  constructor(native: NativeResponse, signal?: AbortSignal) {
    this.#native = native;
    this.#signal = signal;
  }

  /** HTTP status. */
  get status(): number {
    return this.#native.status;
  }

  /** Response headers; names are in lower case, and looked up in any case. */
  get headers(): Headers {
    return (this.#headers ??= new Headers(this.#native.headers()));
  }

  /** The URL that answered, without its query. */
  get url(): string {
    return this.#native.url;
  }

  /** How many requests it took. */
  get attempts(): number {
    return this.#native.attempts;
  }

  /** What came before the answer, in order: every attempt but the last, and waits for Jira's rate limits. */
  get history(): HistoryEntry[] {
    return (this.#history ??= (JSON.parse(this.#native.history()) as RawHistoryEntry[]).map((raw) => new HistoryEntry(raw)));
  }

  /**
   * The body, decompressed. Every call returns the same buffer.
   *
   * @throws InvalidArgumentError when it is streamed.
   */
  bytes(): Buffer {
    if (this.#native.streamed) throw errorFrom(this.#native.notAtOnce(), this.bytes);
    return (this.#body ??= this.#native.takeBody());
  }

  /**
   * The body, piece by piece: while it arrives if the call said `stream`, otherwise what was read. The call's
   * `timeoutMs` is the longest wait for a piece, its `signal` ends the body too. A body that broke off fails with
   * `ResponseTruncatedError`; it never just ends. Its error is made where the stream is filled, so that its stack names
   * threelo and not who reads.
   *
   * @example
   * ```ts
   * const response = await client.proxyRequest('user-42', 'GET', path, { stream: true });
   * for await (const piece of response.body) hash.update(piece);
   * ```
   */
  get body(): ReadableStream<Uint8Array> {
    return (this.#stream ??= streamOf(this.#source(), this.#signal));
  }

  /**
   * Writes the body, or what is left of it, to a file, and resolves to how many bytes that were. The file has its name
   * only when it is whole.
   *
   * @throws InvalidArgumentError, ResponseTruncatedError, TimeoutError, CancelledError
   */
  async save(path: string): Promise<number> {
    return saved(this.#source(), path, this.#signal);
  }

  /** Gives up what has not been read of a streamed body, and with it the connection. */
  close(): void {
    if (this.#native.streamed) this.#source().close();
  }

  /** {@link Response.close}, at the end of an `await using` block. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  #source(): NativeBody {
    return (this.#reader ??= this.#native.reader(port, this.#native.streamed ? undefined : this.bytes()));
  }

  /** The body, read as UTF-8. */
  text(): string {
    return this.bytes().toString('utf8');
  }

  /**
   * The body, read as JSON.
   *
   * @throws SyntaxError when it is not JSON.
   */
  json<T = unknown>(): T {
    return JSON.parse(this.text()) as T;
  }

  /**
   * Returns this response when its status is below 400.
   *
   * @throws MissingScopeError, PermissionDeniedError, AppNotInstalledError, RateLimitedError, EndpointRemovedError or
   * HttpError: what a status of 400 or above means.
   */
  raiseForStatus(): this {
    const failure = this.#native.errorForStatus();
    if (failure) throw errorFrom(failure, this.raiseForStatus);
    return this;
  }

  /** What `console.log` shows: no headers and no body. @internal */
  [inspect](...inspecting: Inspecting): string {
    const { status, url, attempts } = this;
    return shown('Response', { status, url, attempts }, [], inspecting);
  }
}

/** Something that happened beside the calls: see {@link EventKind}. */
export class Event {
  /** What kind of thing. */
  readonly kind: EventKind;
  /** When. */
  readonly at: Date;
  /** The connection it is about, where there is one. */
  readonly connectionId: string | null;
  /** The grant it is about, where there is one. */
  readonly grantId: string | null;
  /** Details by name, the same in every language: names in snake_case, times in milliseconds since the epoch. */
  readonly details: Readonly<Record<string, unknown>>;

  /** @internal */
  constructor(raw: RawEvent) {
    this.kind = raw.kind;
    this.at = new Date(raw.at);
    this.connectionId = raw.connection_id;
    this.grantId = raw.grant_id;
    this.details = raw.details;
  }
}

/** An event as it crosses from the native half. @internal */
export interface RawEvent {
  readonly kind: EventKind;
  readonly at: number;
  readonly connection_id: string | null;
  readonly grant_id: string | null;
  readonly details: Record<string, unknown>;
}
