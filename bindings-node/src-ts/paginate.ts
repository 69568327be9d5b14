import { call } from './calls.js';
import { encode } from './encode.js';
import { errorFrom } from './fail.js';
import type { NativeClient, NativePaginator } from './native.js';
import type { ConnectionsOptions } from './options.js';
import { Connection, type RawConnection } from './records.js';

/**
 * The items of something that comes in pages. A page is asked for when the one before it is used up; iterating again
 * goes on where the last iteration stopped.
 */
abstract class Pages<T> implements AsyncIterable<T> {
  readonly #signal: AbortSignal | undefined;
  #page: readonly T[] = [];
  #consumed = 0;
  #turning: Promise<boolean> | undefined;
  /** The place before a page that was asked for and has not come: only its coming changes it. */
  #before: string | null | undefined;

  /** @internal */
  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
  }

  /** Whether there is nothing left to fetch. @internal */
  protected abstract ended(): boolean;
  /** Starts fetching the next page. @internal */
  protected abstract fetch(id: number): void;
  /** The items of what was fetched; null at the end. @internal */
  protected abstract read(text: string | null | undefined): T[] | null;
  /** Ends what is being fetched ahead, when a loop is left. @internal */
  protected abstract rest(): void;
  /** Where to go on after so many items of the page. @internal */
  protected abstract place(consumed: number, page: readonly T[]): string | null;

  /**
   * Where to go on after the items handed out so far: give it as `cursor` to a later call, in any process. Null when
   * nothing is left.
   */
  get cursor(): string | null {
    return this.#before === undefined ? this.place(this.#consumed, this.#page) : this.#before;
  }

  /** Whole pages instead of single items. None is empty. */
  async *pages(): AsyncGenerator<T[], void, undefined> {
    try {
      do {
        const rest = this.#page.slice(this.#consumed);
        this.#consumed = this.#page.length;
        if (rest.length > 0) yield rest;
      } while (await this.#turn());
    } finally {
      this.rest();
    }
  }

  /** The items, one by one. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    try {
      do {
        while (this.#consumed < this.#page.length) yield this.#page[this.#consumed++] as T;
      } while (await this.#turn());
    } finally {
      this.rest();
    }
  }

  /** Two loops over one listing share its pages, and each item comes once. */
  #turn(): Promise<boolean> {
    this.#before = this.cursor;
    return (this.#turning ??= this.#next().finally(() => (this.#turning = undefined)));
  }

  async #next(): Promise<boolean> {
    if (this.ended()) {
      this.#before = undefined;
      return false;
    }
    const { failure, text } = await call((id) => this.fetch(id), this.#signal);
    if (failure) throw errorFrom(failure, this.#next);
    const page = this.read(text);
    if (page) [this.#page, this.#consumed] = [page, 0];
    this.#before = undefined;
    return page !== null;
  }
}

/** The items of a Jira or Confluence listing, as `paginate` returns it. */
export class Paginator<T = unknown> extends Pages<T> {
  readonly #native: NativePaginator;

  /** @internal */
  constructor(native: NativePaginator, signal: AbortSignal | undefined) {
    super(signal);
    this.#native = native;
  }

  protected override ended(): boolean {
    return false; // The core knows, and says so for as long as it is asked.
  }

  protected override fetch(id: number): void {
    this.#native.nextPage(id);
  }

  protected override read(text: string | null | undefined): T[] | null {
    return text == null ? null : (JSON.parse(text) as T[]);
  }

  protected override rest(): void {
    this.#native.rest();
  }

  protected override place(consumed: number): string | null {
    return this.#native.cursor(consumed) ?? null;
  }
}

/** Connections in the order of their ids, as `connections` returns them. */
export class Connections extends Pages<Connection> {
  readonly #native: NativeClient;
  readonly #options: object;
  /** After which id the page begins, and after which the next one does: null when there is none. */
  #after: string | null;
  #next: string | null | undefined;

  /** @internal */
  constructor(native: NativeClient, { signal, cursor, ...options }: ConnectionsOptions) {
    super(signal);
    this.#native = native;
    this.#options = options;
    [this.#after, this.#next] = [cursor ?? null, cursor];
  }

  protected override ended(): boolean {
    return this.#next === null;
  }

  protected override fetch(id: number): void {
    this.#native.call(id, 'connections', encode({ ...this.#options, cursor: this.#next }));
  }

  protected override read(text: string): Connection[] {
    const page = JSON.parse(text) as { items: RawConnection[]; cursor: string | null };
    [this.#after, this.#next] = [this.#next ?? null, page.cursor];
    return page.items.map((item) => new Connection(item));
  }

  protected override rest(): void {
    // Nothing is fetched ahead.
  }

  protected override place(consumed: number, page: readonly Connection[]): string | null {
    if (consumed === page.length) return this.#next ?? null;
    return page[consumed - 1]?.id ?? this.#after;
  }
}
