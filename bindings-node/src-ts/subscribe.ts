import { idleCall } from './calls.js';

/** What the native half tells one after another; nothing when no more will come. */
interface Source {
  next(id: number): void;
}

/**
 * Calls `tell` with each of what a source has to tell, one after another. What it throws, or rejects with, becomes a
 * process warning: it must break neither the calls nor the process.
 *
 * @param name - what the caller's function is called among the client's options
 * @param read - makes what it is called with
 * @internal
 */
export async function subscribe<Raw, Told>(
  name: string,
  source: Source,
  read: new (raw: Raw) => Told,
  tell: (told: Told) => unknown,
): Promise<void> {
  for (;;) {
    const { text } = await idleCall((id) => source.next(id));
    if (text == null) return;
    try {
      await tell(new read(JSON.parse(text) as Raw));
    } catch (error) {
      process.emitWarning(`${name} threw: ${describe(error)}`, 'ThreeloWarning');
    }
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
