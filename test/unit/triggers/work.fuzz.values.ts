import type { TriggerData } from '../../../lib/triggers/trigger.interface.js';

/** A small generator of random numbers with a seed, so that a failure can be run again: mulberry32. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  int(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  pick<T>(values: readonly T[]): T {
    return values[this.int(0, values.length - 1)]!;
  }

  chance(share: number): boolean {
    return this.next() < share;
  }

  list<T>(most: number, one: () => T): T[] {
    return Array.from({ length: this.int(1, most) }, one);
  }
}

const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Africa/Casablanca',
  'Asia/Gaza',
  'Antarctica/Troll',
];
const MOMENTS = [
  '0001-01-01',
  '1799-12-31T23:59:59',
  '1970-01-01',
  '2011-12-30',
  '2024-02-29T23:59:59.999Z',
  '2025-01-01',
  '2026-03-29T02:30:00',
  '2400-02-29',
  '9999-12-31T23:59:59Z',
  -7_730_000_000_000_000,
  -62_135_596_800_000,
  0,
  1_000_000_000_000_000,
  253_402_300_799_999,
];
const FREQUENCIES = ['YEARLY', 'MONTHLY', 'WEEKLY', 'DAILY', 'HOURLY', 'MINUTELY', 'SECONDLY'];
const DAYS = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'];

/** A trigger that may be anything that is accepted, and much that is not; the extremes are more likely than the rest. */
export function anyTrigger(dice: Dice, depth = 0): TriggerData {
  const kinds = ['cron', 'cron', 'rrule', 'rrule', 'interval', 'calendarInterval', 'date', 'fixedDelay', 'and', 'or'];
  const kind = dice.pick(depth > 4 ? kinds.slice(0, 7) : kinds);
  return { type: kind, ...own(kind, dice, depth), ...common(dice, depth) };
}

function own(kind: string, dice: Dice, depth: number): Record<string, unknown> {
  switch (kind) {
    case 'cron':
      return cron(dice);
    case 'rrule':
      return rrule(dice);
    case 'interval':
      return dice.chance(0.5)
        ? { every: dice.pick([1, 7, 999, 1_000, '1s', '13m', '366d', 1e12, 3e13, 8.64e15]) }
        : { [dice.pick(['weeks', 'days', 'hours', 'seconds', 'milliseconds'])]: dice.pick([1, 1.5, 7, 1e6, 1e9]) };
    case 'calendarInterval':
      return {
        [dice.pick(['years', 'months', 'weeks', 'days'])]: dice.pick([1, 2, 13, 400, 99_999]),
        ...(dice.chance(0.5) && { at: dice.pick(['00:00', '02:30', '23:59:59']) }),
        ...dst(dice),
      };
    case 'date':
      return dice.chance(0.7) ? { runAt: dice.pick(MOMENTS) } : {};
    case 'fixedDelay':
      return { delay: dice.pick([1, '5m', '366d', 3e13, 9e15]) };
    default:
      return { triggers: dice.list(dice.chance(0.05) ? 60 : 4, () => anyTrigger(dice, depth + 1)) };
  }
}

function common(dice: Dice, depth: number): Record<string, unknown> {
  return {
    ...(dice.chance(0.4) && { timezone: dice.pick(ZONES) }),
    ...(dice.chance(0.4) && { startAt: dice.pick(MOMENTS) }),
    ...(dice.chance(0.15) && { endAt: dice.pick(MOMENTS) }),
    ...(dice.chance(0.15) && { jitter: dice.pick([1, '30s', '1d', '366d', 3e13]) }),
    ...(dice.chance(0.1) && depth === 0 && { maxRuns: dice.int(1, 5_000) }),
    ...(dice.chance(0.2) && calendar(dice, depth)),
  };
}

function calendar(dice: Dice, depth: number): Record<string, unknown> {
  const one = (): Record<string, unknown> => ({
    ...(dice.chance(0.4) && { weekdays: dice.list(7, () => dice.int(0, 7)) }),
    ...(dice.chance(0.4) && {
      yearly: dice.list(3, () => dice.pick(['12-25', '01-01/12-30', '03-01/02-28', '02-29', '04-01/06-30'])),
    }),
    ...(dice.chance(0.4) && {
      dates: dice.list(dice.chance(0.1) ? 1_500 : 4, () =>
        dice.chance(0.1) ? '1970-01-01/9999-12-30' : new Date(dice.int(0, 25e8) * 1e3).toISOString().slice(0, 10),
      ),
    }),
    ...(dice.chance(0.4) && {
      times: dice.list(3, () => dice.pick(['00:00-23:59', '22:00-06:00', '00:01-24:00', '12:00-12:01', '02:00-03:00'])),
    }),
    ...(dice.chance(0.2) && { timezone: dice.pick(ZONES) }),
  });
  return {
    calendar: dice.chance(0.8) ? one() : dice.list(dice.chance(0.1) ? 90 : 3, one),
    ...(depth === 0 && dice.chance(0.5) && { onExcluded: dice.pick(['skip', 'next', 'previous']) }),
  };
}

function dst(dice: Dice): Record<string, unknown> {
  if (dice.chance(0.6)) return {};
  return {
    dst: { gap: dice.pick(['shift', 'skip', 'next']), overlap: dice.pick(['first', 'second', 'both']) },
  };
}

function cron(dice: Dice): Record<string, unknown> {
  const field = (values: readonly string[]): string =>
    dice.list(dice.chance(0.1) ? 40 : 2, () => dice.pick(values)).join(',');
  const second = ['*', '0', '*/7', '59', '0-58/2', 'H'];
  const minute = ['*', '0', '30', '*/13', '59', '1-59', 'H'];
  const hour = ['*', '0', '2', '3', '*/5', '23', '22-2', 'H(0-5)'];
  const day = ['*', '1', '29', '30', '31', 'L', 'L-30', '15W', 'LW', '31W', 'H'];
  const month = ['*', '1', '2', '2,4,6,9,11', '*/5', 'feb'];
  const weekday = ['*', '0', '1', 'mon-fri', '5#5', '1#1', '6L', 'H'];
  const year = ['*', '1970-9999', '2096/400', '1970', '9999', '2025-2030/3', '*/7'];
  const week = ['*', '53', '1', '20-30', '*/9'];
  if (dice.chance(0.5)) {
    const parts = [second, minute, hour, day, month, weekday, year].map(field);
    return {
      expression: (dice.chance(0.5) ? parts.slice(1, 6) : parts).join(' '),
      ...(dice.chance(0.4) && { dayMatch: dice.pick(['and', 'or']) }),
      ...(dice.chance(0.1) && { dialect: 'asyncz' }),
      ...dst(dice),
    };
  }
  const fields = { second, minute, hour, day, month, dayOfWeek: weekday, year, week };
  return {
    ...Object.fromEntries(
      Object.entries(fields)
        .filter(() => dice.chance(0.4))
        .map(([name, values]) => [name, field(values)]),
    ),
    ...dst(dice),
  };
}

function rrule(dice: Dice): Record<string, unknown> {
  const numbers = (from: number, to: number): string => {
    if (dice.chance(0.1))
      return Array.from({ length: to - Math.max(from, 0) + 1 }, (_, i) => Math.max(from, 0) + i || 1).join(',');
    return dice.list(4, () => dice.int(from, to) || 1).join(',');
  };
  const numbered = dice.chance(0.3);
  const parts = [
    `FREQ=${dice.pick(FREQUENCIES)}`,
    dice.chance(0.4) && `INTERVAL=${dice.pick([1, 2, 7, 13, 59, 60, 61, 3_599, 86_399, 86_400, 999_983, 999_999])}`,
    dice.chance(0.3) && `COUNT=${dice.pick([1, 100, 9_999, 10_000])}`,
    dice.chance(0.3) && `BYMONTH=${numbers(1, 12)}`,
    dice.chance(0.3) && `BYMONTHDAY=${numbers(-31, 31)}`,
    dice.chance(0.15) && `BYYEARDAY=${numbers(-366, 366)}`,
    dice.chance(0.15) && `BYWEEKNO=${numbers(-53, 53)}`,
    dice.chance(0.4) &&
      `BYDAY=${dice.list(7, () => `${numbered ? dice.pick([1, 5, -1, 53]) : ''}${dice.pick(DAYS)}`).join(',')}`,
    dice.chance(0.3) && `BYHOUR=${numbers(0, 23)}`,
    dice.chance(0.3) && `BYMINUTE=${numbers(0, 59)}`,
    dice.chance(0.3) && `BYSECOND=${numbers(0, 59)}`,
    dice.chance(0.3) && `BYSETPOS=${numbers(-366, 366)}`,
    dice.chance(0.2) && 'WKST=SU',
  ];
  return {
    rule: parts.filter((part) => part !== false).join(';'),
    ...(dice.chance(0.1) && { exDates: dice.list(1_200, () => dice.int(0, 2e8) * 1e6) }),
    ...(dice.chance(0.1) && { rDates: dice.list(1_200, () => dice.int(0, 2e8) * 1e6) }),
    ...dst(dice),
  };
}
