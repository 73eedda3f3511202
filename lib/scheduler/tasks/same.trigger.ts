import { isDeepStrictEqual } from 'node:util';
import type { TriggerData } from '../../model/definition.js';

/**
 * Whether a stored trigger is the one that is given. Options that it has from the time of its making, since none were given, such
 * as the start of an interval, may differ: they are the ones that differ between two makings at different times.
 *
 * @param fresh The given one as it is made now.
 * @param timeless The same as it would have been made at the beginning of the epoch.
 */
export function isSameTrigger(stored: TriggerData, fresh: TriggerData, timeless: TriggerData): boolean {
  // One that is to run once, now, was asked for again.
  if (fresh.type === 'date') return isDeepStrictEqual(stored, fresh);
  return isSameBut(stored, fresh, timeless);
}

function isSameBut(stored: unknown, fresh: unknown, timeless: unknown): boolean {
  if (isDeepStrictEqual(fresh, timeless)) return isDeepStrictEqual(stored, fresh);
  if (!isObject(fresh) || !isObject(timeless)) return typeof stored === typeof fresh;
  if (!isObject(stored) || Array.isArray(stored) !== Array.isArray(fresh)) return false;
  const names = Object.keys(fresh);
  return (
    names.length === Object.keys(stored).length &&
    names.every((name) => name in stored && isSameBut(stored[name], fresh[name], timeless[name]))
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
