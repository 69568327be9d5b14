/**
 * Options as the core reads them. Values left `undefined` are left out; whatever JSON would silently drop or turn
 * into null goes as text instead, so that the core can refuse it by name.
 *
 * @internal
 */
export function encode(options: object): string {
  return JSON.stringify(Object.fromEntries(Object.entries(options).map(([name, value]) => [name, telling(value)])));
}

function telling(value: unknown): unknown {
  const lost = typeof value === 'number' ? !Number.isFinite(value) : /^(bigint|function|symbol)$/.test(typeof value);
  return lost ? String(value) : value;
}

/** Keys as base64; everything else as it is. @internal */
export function keys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(keys);
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
}

/** What is no function; nothing where it is one. @internal */
export function uncallable(value: unknown): unknown {
  return typeof value === 'function' ? undefined : value;
}

/** A point in time as milliseconds since the epoch. @internal */
export function millis(value: unknown): unknown {
  return value instanceof Date ? value.getTime() : value;
}

/**
 * The options of a verb that sends a body, and beside them the body where it is text or bytes. Anything else goes on
 * under its name, for the core to refuse.
 *
 * @internal
 */
export function encodeBeside(data: unknown, options: object): [string, Uint8Array | undefined] {
  const body = typeof data === 'string' ? Buffer.from(data) : data instanceof Uint8Array ? data : undefined;
  return [encode({ ...options, data: body ? undefined : data }), body];
}

/** Whether there is nothing in it. @internal */
export function isBare(options: object): boolean {
  for (const _ in options) return false;
  return true;
}

/** Whether all are texts that mean the same to everybody: JavaScript's may hold halves of characters. @internal */
export function isAscii(...values: unknown[]): boolean {
  return values.every((value) => typeof value === 'string' && /^[\0-\x7f]*$/.test(value));
}
