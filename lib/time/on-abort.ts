/** What is called when a signal is aborted. One listener of the signal is for all: many may wait for one. */
const listeners = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls `listener` once when a signal is aborted, which it is not yet. However many do that with the same signal, it has one listener:
 * Node.js warns of more than ten.
 *
 * @returns What takes it back.
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  const known = listeners.get(signal);
  const all = known ?? new Set<() => void>();
  const called = () => listener();
  all.add(called);
  if (!known) {
    listeners.set(signal, all);
    signal.addEventListener('abort', abortAll, { once: true });
  }
  return () => {
    if (!all.delete(called) || all.size > 0 || listeners.get(signal) !== all) return;
    listeners.delete(signal);
    signal.removeEventListener('abort', abortAll);
  };
}

function abortAll(this: AbortSignal): void {
  const all = listeners.get(this) ?? [];
  listeners.delete(this);
  for (const listener of all) listener();
}
