/**
 * Whether it is a generator function, or what the call of one gives. None of the lines of either has run.
 *
 * @param value Whatever code of the application has made, proxies that throw included.
 */
export function isGenerator(value: unknown): boolean {
  try {
    return /^\[object (Async)?Generator(Function)?\]$/.test(Object.prototype.toString.call(value));
  } catch {
    return false;
  }
}
