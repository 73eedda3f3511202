import type { CronDialect, CronFieldName, DayMatch } from './cron.fields.js';
import { MAX_YEAR } from '../../time/civil.js';

/** What one dialect has that others have not. */
export interface DialectRules {
  /** The fields of an expression, in their order, for each number of them. */
  readonly forms: readonly (readonly CronFieldName[])[];
  /** The forms in words. */
  readonly formsInWords: string;
  /** Whether it has names of schedules, such as `@daily`. */
  readonly macros: boolean;
  /** How weekdays are numbered: `sun0` from 0 to 7, both ends Sunday; `sun1` from 1, Sunday; `mon0` from 0, Monday. */
  readonly weekdays: 'sun0' | 'sun1' | 'mon0';
  /** What holds for two restricted fields of days in an expression. */
  readonly dayMatch: DayMatch;
  /** Whether one of the two fields of days has to be `?`. */
  readonly needsUnsaid: boolean;
  /** Whether `L` alone is a weekday: the last one of the week, Saturday. */
  readonly lastOfWeek: boolean;
  /** Whether ranges may go past the end of their field, as `22-2` does. */
  readonly wrapsAround: boolean;
  /** Whether `H`, a `W` without a day and `5#L` are known. */
  readonly extensions: boolean;
  readonly lastYear: number;
  /** The special forms, in words, for messages. */
  readonly special: Partial<Record<CronFieldName, string>>;
}

const MINUTE_FIRST: readonly CronFieldName[] = ['minute', 'hour', 'day', 'month', 'dayOfWeek'];
const SECOND_FIRST: readonly CronFieldName[] = ['second', ...MINUTE_FIRST];

/** The dialects. Quartz, Spring and EventBridge are those of their documentation. */
export const DIALECTS: Readonly<Record<CronDialect, DialectRules>> = {
  standard: {
    forms: [MINUTE_FIRST, SECOND_FIRST, [...SECOND_FIRST, 'year']],
    formsInWords:
      '5 fields (minute hour day month weekday), 6 (second first), 7 (second first, year last), or a name such as @daily',
    macros: true,
    weekdays: 'sun0',
    dayMatch: 'or',
    needsUnsaid: false,
    lastOfWeek: false,
    wrapsAround: true,
    extensions: true,
    lastYear: MAX_YEAR,
    special: { day: 'L, L-3, W, 15W, LW', dayOfWeek: '5#2, 5L' },
  },
  asyncz: {
    forms: [MINUTE_FIRST],
    formsInWords: '5 fields (minute hour day month weekday)',
    macros: false,
    weekdays: 'mon0',
    dayMatch: 'and',
    needsUnsaid: false,
    lastOfWeek: false,
    wrapsAround: false,
    extensions: false,
    lastYear: MAX_YEAR,
    special: { day: '"last", "2nd fri", "last fri"' },
  },
  quartz: {
    forms: [SECOND_FIRST, [...SECOND_FIRST, 'year']],
    formsInWords: '6 fields (second minute hour day month weekday), or 7 (year last)',
    macros: false,
    weekdays: 'sun1',
    dayMatch: 'or',
    needsUnsaid: true,
    lastOfWeek: true,
    wrapsAround: true,
    extensions: false,
    lastYear: 2_099,
    special: { day: '?, L, L-3, 15W, LW', dayOfWeek: '?, L, 6#2, 6L' },
  },
  spring: {
    forms: [SECOND_FIRST],
    formsInWords: '6 fields (second minute hour day month weekday), or a name such as @daily',
    macros: true,
    weekdays: 'sun0',
    dayMatch: 'and',
    needsUnsaid: false,
    lastOfWeek: false,
    wrapsAround: false,
    extensions: false,
    lastYear: MAX_YEAR,
    special: { day: '?, L, L-3, 15W, LW', dayOfWeek: '?, 5#2, 5L' },
  },
  aws: {
    forms: [[...MINUTE_FIRST, 'year']],
    formsInWords: '6 fields (minute hour day month weekday year)',
    macros: false,
    weekdays: 'sun1',
    dayMatch: 'or',
    needsUnsaid: true,
    lastOfWeek: true,
    wrapsAround: true,
    extensions: false,
    lastYear: 2_199,
    special: { day: '?, L, 15W, LW', dayOfWeek: '?, L, 6#2, 6L' },
  },
};
