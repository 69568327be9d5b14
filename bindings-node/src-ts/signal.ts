/** Those who wait for a signal together: Node warns of more than ten listeners at one. */
class Watch {
  readonly cancels = new Set<() => void>();
  readonly #signal: AbortSignal;

  constructor(signal: AbortSignal) {
    if (!(signal instanceof AbortSignal)) throw new TypeError('signal is not an AbortSignal; give that of an AbortController, or AbortSignal.timeout()');
    this.#signal = signal;
    signal.addEventListener('abort', this.#tell, { once: true });
    watches.set(signal, this);
  }

  end(): void {
    this.#signal.removeEventListener('abort', this.#tell);
    watches.delete(this.#signal);
  }

  readonly #tell = () => [...this.cancels].forEach((cancel) => cancel());
}

const watches = new WeakMap<AbortSignal, Watch>();

/**
 * Calls `cancel` when the signal is aborted, unless what is returned is called first; nothing is left at a signal that
 * nobody waits for.
 *
 * @internal
 */
export function onAbort(signal: AbortSignal, cancel: () => void): () => void {
  const watch = watches.get(signal) ?? new Watch(signal);
  watch.cancels.add(cancel);
  return () => {
    if (watch.cancels.delete(cancel) && watch.cancels.size === 0) watch.end();
  };
}
