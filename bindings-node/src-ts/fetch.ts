import { STATUS_CODES } from 'node:http';
import { ReadableStream, type ReadableStreamDefaultController, type ReadableStreamDefaultReader } from 'node:stream/web';

import type { Client } from './client.js';
import type { CallOptions, ProxyRequestOptions } from './options.js';
import type { Response as Answer } from './types.js';

/**
 * Stands for the connection's own site, whichever that is when a request is sent. No name under `.invalid` can ever be
 * looked up (RFC 6761).
 */
const SITE = 'https://connection.invalid';

/** Options of every request that goes through a {@link Client.fetch}. */
export interface FetchOptions extends Pick<CallOptions, 'timeoutMs'>, Pick<ProxyRequestOptions, 'site' | 'retry'> {}

/** A `Response` of the web, which has threelo's with it. */
export interface FetchResponse extends globalThis.Response {
  /** The same answer as threelo has it, with `attempts`, `history`, and a `raiseForStatus()` that explains. */
  readonly threelo: Answer;
}

/** What {@link Client.fetch} gives: the web's `fetch`, for one connection. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<FetchResponse>;

/** @internal */
export function fetchOf(client: Client, id: string, options: FetchOptions | undefined): Fetch {
  return async (input, init) => {
    const request = new Request(typeof input === 'string' && input.startsWith('/') ? SITE + input : input, init);
    const path = request.url.startsWith(`${SITE}/`) ? request.url.slice(SITE.length) : request.url;
    const given = { ...options, relay: true, stream: true, headers: Object.fromEntries(request.headers) };
    try {
      const body = request.body && { data: new Uint8Array(await request.arrayBuffer()) };
      return web(await client.proxyRequest(id, request.method, path, { ...given, ...body, signal: request.signal }), request);
    } catch (error) {
      throw worded(error, request);
    }
  };
}

/** Statuses whose responses have no body (Fetch, "null body status"). */
const EMPTY = [204, 205, 304];

/** Who aborts a fetch hears the signal's own reason. */
const worded = (error: unknown, { signal }: Request): unknown => (signal.aborted ? signal.reason : error);

function web(answer: Answer, request: Request): FetchResponse {
  const { status, headers } = answer;
  const body = EMPTY.includes(status) ? null : arriving(answer.body.getReader(), request);
  const made = new globalThis.Response(body, { status, statusText: STATUS_CODES[status] ?? '', headers });
  return Object.defineProperties(made, { url: { value: answer.url }, threelo: { value: answer } }) as FetchResponse;
}

/** A body as it arrives. It holds the request, without which its signal would follow nobody's any more. */
function arriving(reader: ReadableStreamDefaultReader<Uint8Array>, request: Request): ReadableStream<Uint8Array> {
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    try {
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    } catch (error) {
      controller.error(worded(error, request));
    }
  };
  return new ReadableStream({ pull, cancel: (reason) => reader.cancel(reason) }, { highWaterMark: 0 });
}
