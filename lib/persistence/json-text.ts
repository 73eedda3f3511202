import { UnreadableFault } from './unreadable.fault.js';
import { MAX_DEPTH } from './value-inspection.js';

/** An object of a JSON text, nothing of it checked yet. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads a JSON object that comes from a store.
 *
 * @param what What the text is, for the message.
 * @throws UnreadableFault For what is not JSON, and for JSON that is a trap for whoever copies or walks it.
 */
export function parseJsonObject(text: string, what: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text.
    throw new UnreadableFault('not-json', `The ${what} is not JSON.`);
  }
  if (!isJsonObject(value)) throw new UnreadableFault('damaged', `The ${what} is not a JSON object.`);
  if (mayHideTraps(text)) refuseTraps(value, what, 0);
  return value;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a walk is needed: what is nested too deeply is long, and a key can be spelt with escapes. */
function mayHideTraps(text: string): boolean {
  return text.length > 2 * MAX_DEPTH || text.includes('__proto__') || text.includes('\\u');
}

function refuseTraps(value: unknown, what: string, depth: number): void {
  if (typeof value !== 'object' || value === null) return;
  // Two more than values may have, for the envelope and the definition around them.
  if (depth > MAX_DEPTH + 2) throw new UnreadableFault('damaged', `The ${what} is nested too deeply.`);
  if (Array.isArray(value)) {
    for (const part of value) refuseTraps(part, what, depth + 1);
    return;
  }
  for (const key of Object.keys(value)) {
    if (key === '__proto__') throw new UnreadableFault('damaged', `The ${what} has a key that stands for a prototype.`);
    refuseTraps((value as JsonObject)[key], what, depth + 1);
  }
}
