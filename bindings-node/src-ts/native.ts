import { load } from './loader.js';

/** A failure as data; `errors.ts` makes it into a class. `context` is a JSON object. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly retryable: boolean;
  readonly status?: number | undefined;
  readonly context: string;
  /** What made the face itself give up a call. Never set by the native half. */
  readonly cause?: unknown;
}

/** What became of a call: at most one of these is there, but for a result of many, which has text and another. */
export interface Completion {
  readonly failure?: Failure | undefined;
  readonly text?: string | undefined;
  readonly response?: NativeResponse | undefined;
}

export interface NativePort {
  cancel(id: number): void;
  hold(wanted: boolean): void;
  end(): void;
}

export interface NativeClient {
  call(id: number, verb: string, options: string): void;
  request(id: number, options: string, data?: Uint8Array): void;
  requestPlain(id: number, connection: string, method: string, path: string): void;
  requestMany(options: string, data?: Uint8Array): NativeMany | Failure;
  paginate(options: string): NativePaginator | Failure;
  events(): NativeEvents;
}

export interface NativeMany {
  next(id: number): void;
  end(): void;
}

export interface NativePaginator {
  nextPage(id: number): void;
  cursor(consumed: number): string | null;
  rest(): void;
}

export interface NativeEvents {
  next(id: number): void;
}

export interface NativeLog {
  endWith(client: NativeClient): void;
  next(id: number): void;
}

export interface NativeResponse {
  readonly status: number;
  readonly url: string;
  readonly attempts: number;
  history(): string;
  headers(): [name: string, value: string][];
  takeBody(): Buffer;
  readonly streamed: boolean;
  reader(port: NativePort, taken?: Uint8Array): NativeBody;
  notAtOnce(): Failure;
  errorForStatus(): Failure | null;
}

export interface NativeBody {
  read(id: number): void;
  take(): Buffer;
  save(id: number, path: string): void;
  close(): void;
}

/** What Jira is to know of a file. */
export interface FileNames {
  readonly filename?: string | undefined;
  readonly contentType?: string | undefined;
  readonly field?: string | undefined;
}

export interface NativeUploads {
  addPath(path: string, names: FileNames): void;
  addBytes(content: Uint8Array, names: FileNames): void;
  addFeed(port: NativePort, names: FileNames, length: number | undefined, rewinds: boolean): NativeFeed;
  send(client: NativeClient, id: number, options: string, data?: Uint8Array): void;
}

export interface NativeFeed {
  asked(id: number): void;
  give(piece?: Uint8Array): void;
  fail(words: string): void;
}

export interface NativeSandbox {
  readonly options: string | null;
  close(): void;
}

/** What the native half exports: data in, data out. `src/` beside this folder is its source. */
export interface Native {
  NativePort: new (deliver: (batch: (Completion & { readonly id: number })[]) => void) => NativePort;
  NativeUploads: new () => NativeUploads;
  NativeLog: new (port: NativePort) => NativeLog;
  open(port: NativePort, options: string): NativeClient | Failure;
  NativeSandbox: new (world: string, port: number) => NativeSandbox;
  cli(arguments_: string[]): number;
}

export const native: Native = load();
