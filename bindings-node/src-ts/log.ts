/** How much a line matters. More may come. */
export type LogLevel = 'debug' | 'info' | 'warning' | 'error' | (string & {});

/** One line that threelo wrote, for people to read. No secret ever stands in it. */
export class LogLine {
  /** How much it matters. */
  readonly level: LogLevel;
  /** When it was written. */
  readonly at: Date;
  /** The whole line: what happened, and the details behind it. */
  readonly message: string;
  /** The details by name, in snake_case. */
  readonly details: Readonly<Record<string, unknown>>;

  /** @internal */
  constructor(raw: RawLogLine) {
    this.level = raw.level;
    this.at = new Date(raw.at);
    this.message = raw.message;
    this.details = raw.details;
  }
}

/** A line as it crosses from the native half. @internal */
export interface RawLogLine {
  readonly level: LogLevel;
  readonly at: number;
  readonly message: string;
  readonly details: Record<string, unknown>;
}
