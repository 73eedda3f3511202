/**
 * The base of every error that this library throws. `code` is stable; the message says what happened, with which value, and
 * what is allowed.
 *
 * @publicApi
 */
export abstract class AsynczError extends Error {
  /** A stable name for the kind of error, such as `ASYNCZ_UNKNOWN_OPTION`. */
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Shows a value in a message: quoted, on one line, and short. */
export function show(value: unknown): string {
  let text: string;
  try {
    text = typeof value === 'string' ? JSON.stringify(value) : describeValue(value);
  } catch {
    text = Object.prototype.toString.call(value);
  }
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}

function describeValue(value: unknown): string {
  if (typeof value === 'function') return `function ${value.name || '(anonymous)'}`;
  if (typeof value === 'bigint') return `${value}n`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (typeof value === 'object' && value !== null) return JSON.stringify(value) ?? String(value);
  return String(value);
}

/** Lists what is allowed: `"a", "b" or "c"`. */
export function listOf(values: Iterable<string>): string {
  const all = [...values].map((value) => JSON.stringify(value));
  if (all.length === 0) return '(none)';
  return all.length === 1 ? all[0]! : `${all.slice(0, -1).join(', ')} or ${all.at(-1)}`;
}
