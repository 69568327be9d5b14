import { call } from './calls.js';
import type { ThreeloError } from './error.js';
import { errorFrom } from './fail.js';
import type { Completion, NativeMany } from './native.js';
import { type RawSite, Site } from './records.js';
import { Response } from './types.js';

/** What became of the call for one connection at one site. */
export class RequestResult {
  /** The connection. */
  readonly id: string;
  /** The site that was asked; null where the connection could not be looked up. */
  readonly site: Site | null;
  /** The answer, whatever its status; null where there is none. */
  readonly response: Response | null;
  /** Why there is no answer. */
  readonly error: ThreeloError | null;

  /** @internal */
  constructor({ text, response, failure }: Completion) {
    const { id, site } = JSON.parse(text!) as { id: string; site: RawSite | null };
    this.id = id;
    this.site = site && new Site(site);
    this.response = response ? new Response(response) : null;
    this.error = failure ? errorFrom(failure, RequestResult) : null;
  }
}

/** Results as they come, each once. The calls under way end when the loop does. */
export class RequestResults implements AsyncIterable<RequestResult> {
  readonly #native: NativeMany;
  readonly #signal: AbortSignal | undefined;

  /** @internal */
  constructor(native: NativeMany, signal: AbortSignal | undefined) {
    this.#native = native;
    this.#signal = signal;
  }

  /** The results, one by one. */
  async *[Symbol.asyncIterator](): AsyncGenerator<RequestResult, void, undefined> {
    try {
      for (let next = await this.#next(); next.text != null; next = await this.#next()) yield new RequestResult(next);
    } finally {
      this.#native.end();
    }
  }

  async #next(): Promise<Completion> {
    const next = await call((id) => this.#native.next(id), this.#signal);
    if (next.failure && next.text == null) throw errorFrom(next.failure, this.#next);
    return next;
  }
}
