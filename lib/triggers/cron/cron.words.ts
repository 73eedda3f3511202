import cronstrue from 'cronstrue';
import { CRON_FIELD_NAMES } from './cron.fields.js';
import type { CronSchedule } from './cron.fields.js';

/** A cron schedule in words. */
export function cronInWords(own: Readonly<Record<string, unknown>>, _schedule: CronSchedule): string {
  if (typeof own.expression === 'string') {
    return cronstrue.toString(own.expression, { throwExceptionOnParseError: false, use24HourTimeFormat: true });
  }
  return CRON_FIELD_NAMES.filter((name) => own[name] !== undefined)
    .map((name) => `${name} ${String(own[name])}`)
    .join(', ');
}
