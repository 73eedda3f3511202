import { stableHash } from '../stable-hash.js';
import { CRON_RANGES } from './cron.fields.js';
import type { CronField, CronFieldName, CronItem } from './cron.fields.js';

/** Whether an item depends on the month, such as its last day. */
export function isSpecial(item: CronItem): boolean {
  return item.kind !== 'range' && item.kind !== 'hash';
}

/** The values of a field, from 0 to its largest; special days are left to {@link specialDays}. */
export function resolveValues(field: CronField, name: CronFieldName, taskId: string): Uint8Array {
  const { min, max } = CRON_RANGES[name];
  const values = new Uint8Array(max + 1);
  const size = max - min + 1;
  for (const item of field.items) {
    if (item.kind === 'range') {
      const last = item.to < item.from ? item.to + size : item.to;
      for (let value = item.from; value <= last; value += item.step) values[value > max ? value - size : value] = 1;
    } else if (item.kind === 'hash') {
      const hash = stableHash(`${taskId}/${name}`);
      const span = item.to - item.from + 1;
      const step = item.step ?? span;
      // The first is one of the range even where the step is longer than it.
      const first = item.from + (hash % Math.min(step, span));
      for (let value = first; value <= item.to; value += step) values[value] = 1;
    }
  }
  return values;
}

/** Days of the month as a mask, bit 0 for the first. */
export function dayMaskOf(days: Uint8Array): number {
  let mask = 0;
  for (let day = 1; day <= 31; day += 1) if (days[day] === 1) mask |= 1 << (day - 1);
  return mask;
}

/** For months that begin on each weekday, the days that fall on the wanted weekdays. */
export function weekdayMasksOf(weekdays: Uint8Array): Int32Array {
  return Int32Array.from({ length: 7 }, (_, first) => {
    let mask = 0;
    for (let day = 0; day < 31; day += 1) if (weekdays[(first + day) % 7] === 1) mask |= 1 << day;
    return mask;
  });
}

/** The number of the lowest bit that is set. */
export function lowestBit(mask: number): number {
  return 31 - Math.clz32(mask & -mask);
}

/** How many bits are set. */
export function countBits(mask: number): number {
  let rest = mask - ((mask >>> 1) & 0x55555555);
  rest = (rest & 0x33333333) + ((rest >>> 2) & 0x33333333);
  return Math.imul((rest + (rest >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
