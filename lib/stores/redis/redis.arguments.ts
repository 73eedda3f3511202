import { DUE_KEY_NAMES } from '../../model/due-keys.js';
import type { QueueFilter } from './redis.place.js';

/** What a script reads with `read_filter`. */
export function filterArgs({ codecs, handlers, except }: QueueFilter): (string | number)[] {
  return [codecs, handlers, ...DUE_KEY_NAMES.map((key) => except[key])].flatMap(listArgs);
}

/** What a script reads with `read_set`. */
export function listArgs(values: readonly string[] | null): (string | number)[] {
  return values === null ? [-1] : [values.length, ...values];
}
