import { performance } from 'node:perf_hooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AsynczError } from '../../../lib/errors/asyncz.error.js';
import { parseCronExpression, parseCronFields } from '../../../lib/triggers/cron/cron.parser.js';
import { CronPattern } from '../../../lib/triggers/cron/cron.pattern.js';
import { CRON_FIELD_NAMES } from '../../../lib/triggers/cron/cron.fields.js';

const RUNS = 1_000_000;

/** A small generator of random numbers with a seed: a failure can be run again. Mulberry32. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const CHARACTERS = '0123456789*/-,?#LWHlwh@() \t\n.+_'.split('');
const WORDS = [
  'mon',
  'fri',
  'jan',
  'DEC',
  'last',
  '2nd',
  '1st fri',
  'LW',
  'L-3',
  '15W',
  '5#2',
  'H(0-29)',
  'H/5',
  '@daily',
];
const ODDITIES = [
  '* ',
  '0 ',
  ' * * *',
  '*/5',
  '22-2',
  '9'.repeat(20),
  'é',
  '\u{1f600}',
  '\u0000',
  '\u2028',
  '__proto__',
];
const PIECES = [...CHARACTERS, ...WORDS, ...ODDITIES];
const FORMS = [
  '0 2 * * *',
  '*/5 9-17 * * mon-fri',
  '0 0 0 L * 5#2 2030',
  '@weekly',
  'H H(1-5) * * 7',
  '1,2,3 0 15W jan *',
];

function text(next: () => number): string {
  const pick = (from: readonly string[]): string => from[Math.floor(next() * from.length)]!;
  // Half of them are made up, half are good ones with a few characters changed: those get further into the parser.
  if (next() < 0.5) return Array.from({ length: Math.floor(next() * 14) }, () => pick(PIECES)).join('');
  let form = pick(FORMS);
  for (let change = next() * 3; change > 0; change -= 1) {
    const at = Math.floor(next() * (form.length + 1));
    form = form.slice(0, at) + pick(PIECES) + form.slice(at + Math.floor(next() * 3));
  }
  return form;
}

/** Parses, and asks what could be parsed for a first time. Gives whether it was accepted; throws what is no typed error. */
function attempt(input: string, dialect: 'standard' | 'asyncz'): boolean {
  try {
    const pattern = new CronPattern(parseCronExpression(input, dialect), 'task');
    pattern.next(1_700_000_000, 2_423);
    return true;
  } catch (error) {
    if (!(error instanceof AsynczError)) throw error;
    return false;
  }
}

describe('the cron parser, given random text', () => {
  let limit: number;
  beforeAll(() => {
    // What is measured is the parser, not how many frames of a stack V8 writes down for each error.
    limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
  });
  afterAll(() => {
    Error.stackTraceLimit = limit;
  });

  it('gives a schedule or a typed error for 1,000,000 texts, each within a millisecond', () => {
    const next = random(20_250_301);
    let accepted = 0;
    const slow: string[] = [];
    for (let run = 0; run < RUNS; run += 1) {
      const input = text(next);
      const start = performance.now();
      if (attempt(input, run % 8 === 0 ? 'asyncz' : 'standard')) accepted += 1;
      if (performance.now() - start >= 1) slow.push(input);
    }
    // A pause of the machine is not the parser's: what is slow because of itself is slow again.
    const slowAgain = slow.filter((input) =>
      [1, 2, 3, 4, 5].every(() => {
        const start = performance.now();
        attempt(input, 'standard');
        attempt(input, 'asyncz');
        return performance.now() - start >= 1;
      }),
    );
    expect(slowAgain).toEqual([]);
    console.log(`${accepted} of ${RUNS} random texts are schedules; ${slow.length} met a pause`);
    // The texts have to reach both ends of the parser, or nothing was tried.
    expect(accepted).toBeGreaterThan(RUNS / 100);
    expect(accepted).toBeLessThan(RUNS / 2);
  }, 120_000);

  it('does so for fields that are given one by one', () => {
    const next = random(7);
    let accepted = 0;
    for (let run = 0; run < 50_000; run += 1) {
      const name = CRON_FIELD_NAMES[Math.floor(next() * CRON_FIELD_NAMES.length)]!;
      const value = Array.from(
        { length: Math.floor(next() * 5) },
        () => PIECES[Math.floor(next() * PIECES.length)]!,
      ).join('');
      try {
        const pattern = new CronPattern(
          parseCronFields({ [name]: value }, run % 2 === 0 ? 'standard' : 'asyncz'),
          'task',
        );
        pattern.next(1_700_000_000, 2_423);
        accepted += 1;
      } catch (error) {
        expect(error).toBeInstanceOf(AsynczError);
      }
    }
    expect(accepted).toBeGreaterThan(500);
  });

  it('reads no more than it has to of what is too long', () => {
    const start = performance.now();
    for (const piece of ['*', '1,', '* ', 'L', 'H(', '@', ' ', '9']) {
      expect(attempt(piece.repeat(1_000_000), 'standard')).toBe(false);
    }
    expect(performance.now() - start).toBeLessThan(1_000);
  });
});
