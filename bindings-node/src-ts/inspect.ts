import type { InspectOptions, inspect as show } from 'node:util';

/** What Node calls a value's own view for `console.log`. @internal */
export const inspect: unique symbol = Symbol.for('nodejs.util.inspect.custom') as never;

/** What Node gives to such a view. @internal */
export type Inspecting = [depth: number, options: InspectOptions, show: typeof show];

/**
 * The fields of a value as `console.log` may show them: without its secrets, and without the query of its URL, where
 * a state stands.
 *
 * @internal
 */
export function shown(name: string, fields: object, secrets: readonly string[], inspecting: Inspecting): string {
  const [, options, show] = inspecting;
  const safe = Object.entries(fields).map(([field, value]) => [field, hidden(field, value, secrets)]);
  return `${name} ${show(Object.fromEntries(safe), options)}`;
}

function hidden(field: string, value: unknown, secrets: readonly string[]): unknown {
  if (secrets.includes(field)) return '[hidden]';
  return field === 'url' ? String(value).replace(/\?.*$/s, '?[hidden]') : value;
}
