import { InvalidOptionError, rejectUnknownOptions } from '../errors/input.errors.js';
import { namesOf } from '../model/names.js';
import type { DstGap, DstOverlap, DstRules } from '../time/dst.js';
import { given, readChoice } from './option.readers.js';
import type { TriggerData } from './trigger.interface.js';

const OPTIONS = namesOf<keyof DstRules>({ gap: 0, overlap: 0 });

/**
 * The rules for changes of clocks that a trigger states itself.
 *
 * @throws InvalidOptionError, UnknownOptionError
 */
export function readDst({ dst }: TriggerData): Partial<DstRules> {
  if (!given(dst)) return {};
  if (typeof dst !== 'object') throw new InvalidOptionError('dst', dst, 'an object with "gap" or "overlap"');
  const rules = dst as Record<string, unknown>;
  rejectUnknownOptions('dst', rules, OPTIONS);
  const gap = readChoice<DstGap>(rules.gap, 'dst.gap', ['shift', 'skip', 'next']);
  const overlap = readChoice<DstOverlap>(rules.overlap, 'dst.overlap', ['first', 'second', 'both']);
  return { ...(gap !== undefined && { gap }), ...(overlap !== undefined && { overlap }) };
}
