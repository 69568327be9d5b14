import { ReadableStream } from 'node:stream/web';

import { call } from './calls.js';
import { errorFrom } from './fail.js';
import type { NativeBody } from './native.js';

/**
 * A body as a stream; a piece is read when one is wanted.
 *
 * @param signal - ends it with a `CancelledError`
 * @internal
 */
export function streamOf(body: NativeBody, signal: AbortSignal | undefined): ReadableStream<Uint8Array> {
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    const { failure, text: length } = await call((id) => body.read(id), signal);
    if (failure) body.close();
    if (failure) controller.error(errorFrom(failure, pull));
    else if (length == null) controller.close();
    else controller.enqueue(body.take());
  };
  // Nothing is read ahead.
  return new ReadableStream<Uint8Array>({ pull, cancel: () => body.close() }, { highWaterMark: 0 });
}

/** Writes a body to a file and says how many bytes that were. @internal */
export async function saved(body: NativeBody, path: string, signal: AbortSignal | undefined): Promise<number> {
  const { failure, text } = await call((id) => body.save(id, path), signal);
  if (failure) throw errorFrom(failure, saved);
  return Number(text);
}
