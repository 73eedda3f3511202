import { takePromise } from '../errors/returned.js';

type Listener = ((event: Event) => unknown) | { handleEvent(event: Event): unknown };

/**
 * Keeps what the listeners of a signal throw or reject with from ending the process, which is what Node does with it: they are
 * code of handlers, and are called because the engine aborts.
 *
 * @param failed Is told of it.
 */
export function guardListeners(signal: AbortSignal, failed: (error: unknown) => void): void {
  const guards = new WeakMap<Listener, (event: Event) => void>();
  const guard = (listener: Listener): Listener => {
    if (typeof listener !== 'function' && typeof listener !== 'object') return listener;
    if (listener === null) return listener;
    const known = guards.get(listener);
    if (known) return known;
    const guarded = (event: Event): void => {
      try {
        takePromise(
          typeof listener === 'function' ? listener.call(signal, event) : listener.handleEvent(event),
          failed,
        );
      } catch (error) {
        failed(error);
      }
    };
    guards.set(listener, guarded);
    return guarded;
  };
  const { prototype } = AbortSignal;
  const property = Object.getOwnPropertyDescriptor(prototype, 'onabort')!;
  let onabort: unknown = null;
  Object.defineProperties(signal, {
    addEventListener: {
      value: (type: string, listener: Listener, options?: object) =>
        prototype.addEventListener.call(signal, type, guard(listener), options),
    },
    removeEventListener: {
      value: (type: string, listener: Listener, options?: object) =>
        prototype.removeEventListener.call(signal, type, guard(listener), options),
    },
    onabort: {
      get: () => property.get!.call(signal) && onabort,
      set: (listener: Listener) => {
        onabort = listener;
        property.set!.call(signal, guard(listener));
      },
    },
  });
}
