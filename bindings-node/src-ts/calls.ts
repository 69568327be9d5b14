import { CANCELLED } from './codes.js';
import { type Completion, native } from './native.js';
import { onAbort } from './signal.js';

type Settle = (completion: Completion) => void;

/** Calls under way, by number. Those that may keep the process alive are counted apart. */
const waiting = new Map<number, Settle>();
let held = 0;
let last = 0;

const port = new native.NativePort((batch) => {
  for (const completion of batch) waiting.get(completion.id)?.(completion);
});

// Rotations in flight are stored before the process is gone. Where Node ends a thread in an orderly way the native
// half does this by itself; before `process.exit()` and after an uncaught exception it must be told.
process.once('exit', () => port.end());

/** The one port of this thread, which clients are opened with. @internal */
export { port };

/**
 * Starts a call and waits for its end. It keeps the process alive meanwhile, as `fetch` does.
 *
 * @param start - starts the call under the number it is given
 * @param signal - ends the call; one that is aborted already keeps it from starting
 * @internal
 */
export function call(start: (id: number) => void, signal?: AbortSignal): Promise<Completion> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve(cancelled(signal));
    const id = nextId();
    const over = () => {
      forget?.();
      waiting.delete(id);
      release();
    };
    const settle = (completion: Completion) => {
      over();
      resolve(completion);
    };
    // Before the call starts: what is no signal must not be found out when something was sent.
    const forget = signal && onAbort(signal, () => {
      port.cancel(id);
      settle(cancelled(signal));
    });
    waiting.set(id, settle);
    hold();
    try {
      start(id);
    } catch (error) {
      over();
      throw error;
    }
  });
}

function cancelled(signal: AbortSignal): Completion {
  return { failure: { ...CANCELLED, cause: signal.reason } };
}

/**
 * Waits for something that may never come, without keeping the process alive for it.
 *
 * @internal
 */
export function idleCall(start: (id: number) => void): Promise<Completion> {
  return new Promise((resolve) => {
    const id = nextId();
    waiting.set(id, (completion) => {
      waiting.delete(id);
      resolve(completion);
    });
    start(id);
  });
}

function nextId(): number {
  do last = (last + 1) >>> 0;
  while (waiting.has(last));
  return last;
}

function hold(): void {
  if (held++ === 0) port.hold(true);
}

function release(): void {
  if (--held === 0) port.hold(false);
}
