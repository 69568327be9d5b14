import { CLASSES } from './codes.js';
import { ThreeloError } from './error.js';
import type { Failure } from './native.js';

/**
 * The error a failure is thrown as.
 *
 * Its stack names the caller because it is made in the async function the caller waits for; to remember the caller of
 * every call that may fail would cost more than the call.
 *
 * @param below - the function that throws it; the stack begins with who called that
 * @internal
 */
export function errorFrom(failure: Failure, below: Function): ThreeloError {
  const error = new (CLASSES[failure.code] ?? ThreeloError)(failure, JSON.parse(failure.context));
  Error.captureStackTrace(error, below);
  return error;
}

/** What a native function yielded, unless that is a failure. @internal */
export function unwrap<T extends object>(result: T | Failure, below: Function): T {
  if ('code' in result) throw errorFrom(result, below);
  return result;
}
