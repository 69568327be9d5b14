import { idleCall } from './calls.js';
import type { NativeEvents } from './native.js';
import { Event } from './types.js';

/**
 * Calls `onEvent` with each event, one after another. What it throws, or rejects with, becomes a process warning: it
 * must break neither the calls nor the process.
 *
 * @internal
 */
export async function subscribe(events: NativeEvents, onEvent: (event: Event) => unknown): Promise<void> {
  for (;;) {
    const { text } = await idleCall((id) => events.next(id));
    if (text == null) return;
    try {
      await onEvent(new Event(JSON.parse(text)));
    } catch (error) {
      process.emitWarning(`onEvent threw: ${describe(error)}`, 'ThreeloWarning');
    }
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
