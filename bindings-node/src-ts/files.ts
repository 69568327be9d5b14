import { basename } from 'node:path';
import type { ReadableStream } from 'node:stream/web';

import { call, idleCall, port } from './calls.js';
import { encodeBeside } from './encode.js';
import { type Completion, type FileNames, native, type NativeClient, type NativeFeed } from './native.js';
import type { ProxyRequestOptions } from './options.js';

/**
 * What a file is read from: a path, bytes, a `Blob`, a `ReadableStream`, or anything else that is iterated for
 * `Uint8Array`s, such as `fs.createReadStream(…)`.
 *
 * Paths and blobs are read again where a call is repeated. What can be read only once makes the call one that is sent
 * once; it is closed when the call ends.
 */
export type FileContent =
  | string
  | Uint8Array
  | Blob
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>
  | Iterable<Uint8Array>;

/** A file with what Jira is to know of it. */
export interface FileUpload extends FileNames {
  /** What it is read from. */
  readonly content: FileContent;
  /** Its name for Jira. Without it that of the path or of the `File`, otherwise `file`. */
  readonly filename?: string | undefined;
  /** Its media type. Without it that of the blob, otherwise what the name says. */
  readonly contentType?: string | undefined;
  /** The form's field. Without it `file`, which is what Jira expects. */
  readonly field?: string | undefined;
}

/** A file of an upload. */
export type FileLike = FileContent | FileUpload;

/** What is read piece by piece. */
interface Pieces {
  next(): Promise<{ done?: boolean | undefined; value?: unknown }> | { done?: boolean | undefined; value?: unknown };
  /** Nothing more will be asked for. */
  close(): unknown;
}

/** Reads one file while the connection takes it. */
class Pump {
  cause: unknown;
  readonly #begin: () => Pieces;
  #pieces: Pieces | undefined;

  constructor(begin: () => Pieces) {
    this.#begin = begin;
  }

  async run(feed: NativeFeed): Promise<void> {
    for (;;) {
      const { text } = await idleCall((id) => feed.asked(id));
      if (text == null) return;
      if (text === 'first') this.#pieces = this.#begin();
      await this.#answer(feed);
    }
  }

  async #answer(feed: NativeFeed): Promise<void> {
    try {
      const { done, value } = await this.#pieces!.next();
      if (!done && !(value instanceof Uint8Array)) throw new TypeError(`a file's content comes as Uint8Array, not as ${kind(value)}`);
      feed.give(done ? undefined : (value as Uint8Array));
    } catch (error) {
      this.cause ??= error;
      feed.fail(String(error));
    }
  }

  /** Closes what it reads from, in the middle or before the beginning. */
  async end(): Promise<void> {
    try {
      await (this.#pieces ?? this.#begin()).close();
    } catch {
      // What could not be closed has told its reader already, or never will.
    }
  }
}

/** `proxyRequest` with files. @internal */
export async function upload(client: NativeClient, options: ProxyRequestOptions, named: object): Promise<Completion> {
  const { signal, data, files, ...plain } = options;
  const [uploads, pumps] = [new native.NativeUploads(), [] as Pump[]];
  const listed = (Array.isArray(files) ? files : [files]) as FileLike[];
  const unknown = listed.map((file) => add(uploads, pumps, file)).find((one) => one !== undefined);
  // What is no file goes on under its name, for the core to refuse.
  const [text, body] = encodeBeside(data, { ...plain, ...named, files: unknown });
  const completion = await call((id) => uploads.send(client, id, text, body), signal);
  for (const pump of pumps) void pump.end();
  const cause = pumps.map((pump) => pump.cause).find((one) => one !== undefined);
  const failure = completion.failure && cause !== undefined ? { ...completion.failure, cause } : completion.failure;
  return { ...completion, failure, response: completion.response };
}

/** Adds a file; says what it is if it is none. */
function add(uploads: InstanceType<typeof native.NativeUploads>, pumps: Pump[], file: FileLike): string | undefined {
  const { content, ...given } = isUpload(file) ? file : { content: file };
  const names = { ...namesOf(content), ...defined(given) };
  if (typeof content === 'string') return void uploads.addPath(content, names);
  if (content instanceof Uint8Array) return void uploads.addBytes(content, names);
  const begin = beginning(content);
  if (!begin) return kind(content);
  const pump = new Pump(begin);
  const size = content instanceof Blob ? content.size : undefined;
  void pump.run(uploads.addFeed(port, names, size, content instanceof Blob));
  pumps.push(pump);
  return undefined;
}

function isUpload(file: FileLike): file is FileUpload {
  return typeof file === 'object' && file !== null && 'content' in file;
}

function beginning(content: Exclude<FileContent, string | Uint8Array>): (() => Pieces) | undefined {
  if (content instanceof Blob) return () => read(content.stream() as ReadableStream<Uint8Array>);
  if (content == null || typeof content !== 'object') return undefined;
  if ('getReader' in content) return () => read(content);
  if (Symbol.asyncIterator in content) return () => iterate(content, content[Symbol.asyncIterator]());
  if (Symbol.iterator in content) return () => iterate(content, content[Symbol.iterator]());
  return undefined;
}

function read(stream: ReadableStream<Uint8Array>): Pieces {
  const reader = stream.getReader();
  return { next: () => reader.read(), close: () => reader.cancel() };
}

function iterate(content: object, pieces: AsyncIterator<Uint8Array> | Iterator<Uint8Array>): Pieces {
  return {
    next: () => pieces.next(),
    close: () => {
      // A stream of Node's that waits for more ends its iterator only when it is destroyed.
      (content as { destroy?: () => void }).destroy?.();
      return pieces.return?.();
    },
  };
}

/** What is known of a file by itself. */
function namesOf(content: unknown): FileNames {
  if (content instanceof Blob) return defined({ filename: (content as Partial<File>).name, contentType: content.type || undefined });
  const path = (content as { path?: unknown } | null)?.path;
  return typeof path === 'string' ? { filename: basename(path) } : {};
}

function defined<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value != null)) as T;
}

function kind(value: unknown): string {
  return typeof value === 'object' ? (value?.constructor?.name ?? String(value)) : typeof value;
}
