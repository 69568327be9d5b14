import type { Failure } from './native.js';

/**
 * What every failing operation of threelo throws or rejects with. There is a class for each code; a code that this
 * version does not know comes as this class itself.
 */
export class ThreeloError extends Error {
  /** Stable snake_case code, the same in Python and Rust. More may come. */
  readonly code: string;
  /** What to do next. */
  readonly hint: string;
  /** Whether the same call may succeed later without anybody changing anything. */
  readonly retryable: boolean;
  /** HTTP status, where one was involved. */
  readonly status: number | null;
  /**
   * Details by name, such as `sites`, `option`, `scopes`, `reset_at`; the same in every language: names in snake_case,
   * times in milliseconds since the epoch.
   */
  readonly context: Readonly<Record<string, unknown>>;

  /** @internal */
  constructor(failure: Failure, context: Readonly<Record<string, unknown>>) {
    super(failure.message, 'cause' in failure ? { cause: failure.cause } : undefined);
    this.code = failure.code;
    this.hint = failure.hint;
    this.retryable = failure.retryable;
    this.status = failure.status ?? null;
    this.context = context;
  }

  static {
    // On the prototype, as with the errors of the language: it is no detail of a single error.
    Object.defineProperty(this.prototype, 'name', {
      configurable: true,
      get(this: Error) {
        return this.constructor.name;
      },
    });
  }
}
