import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { AsynczError } from '../../../lib/errors/asyncz.error.js';
import { at, cronRuns, make, SEED } from './trigger.fixtures.js';
import { slowRuns } from './slow-oracle.js';

/** The gaps between runs, in milliseconds, without those that come twice. */
function gaps(expression: string, timezone: string, from: string, count: number): Set<number> {
  const times = cronRuns(expression, from, count, { timezone }).map((run) => at(run!));
  expect(times).toHaveLength(count);
  return new Set(times.slice(1).map((time, index) => time - times[index]!));
}

// What people reported of other schedulers, in words of our own; the places say where.
describe('a schedule at a change of clocks', () => {
  it('runs once on the day without its time, and once on the day that has it twice (kelektiv/node-cron#563)', () => {
    const options = { timezone: 'America/New_York' };
    expect(cronRuns('30 2 * * *', '2021-03-14T00:00', 2, options)).toEqual(['2021-03-14T07:30', '2021-03-15T06:30']);
    expect(cronRuns('30 1 * * *', '2021-11-07T00:00', 2, options)).toEqual(['2021-11-07T05:30', '2021-11-08T06:30']);
  });

  it('goes on after a weekly time that is skipped (kelektiv/node-cron#638)', () => {
    expect(cronRuns('30 2 * * 0', '2023-03-20T00:00', 2, { timezone: 'Europe/Amsterdam' })).toEqual([
      '2023-03-26T01:30',
      '2023-04-02T00:30',
    ]);
  });

  it('runs at one where midnight itself is skipped (harrisiirak/cron-parser#25)', () => {
    expect(cronRuns('0 0 0 * * *', '2018-11-03T12:00', 2, { timezone: 'America/Sao_Paulo' })).toEqual([
      '2018-11-04T03:00',
      '2018-11-05T02:00',
    ]);
  });

  it('gives 400 noons (harrisiirak/cron-parser#72)', () => {
    const hours = [...gaps('0 12 * * *', 'Europe/Lisbon', '2016-10-03T00:00', 400)].map((gap) => gap / 3_600_000);
    expect(new Set(hours)).toEqual(new Set([24, 25, 23]));
  });

  it('runs every 30 seconds through it (node-cron/node-cron#492, #509)', () => {
    expect(gaps('*/30 * * * * *', 'Europe/Vienna', '2025-10-25T20:00', 1_000)).toEqual(new Set([30_000]));
  });

  it('runs every minute through it (Steve-Mcl/node-red-contrib-cron-plus#108)', () => {
    expect(gaps('15 * * * * *', 'Europe/London', '2025-10-25T23:00', 300)).toEqual(new Set([60_000]));
  });

  it('runs every hour through the repeated one (celery/celery#10107)', () => {
    expect(cronRuns('0 * * * *', '2026-11-01T07:59:30', 3, { timezone: 'US/Pacific' })).toEqual([
      '2026-11-01T08:00',
      '2026-11-01T09:00',
      '2026-11-01T10:00',
    ]);
  });

  it('knows zones of 45 minutes and changes of two hours (celery/celery, PR 10608)', () => {
    const chatham = { timezone: 'Pacific/Chatham' };
    expect(cronRuns('50 3 * * *', '2026-09-25T15:06', 2, chatham)).toEqual(['2026-09-26T14:05', '2026-09-27T14:05']);
    expect(cronRuns('50 3 * * *', '2026-04-03T15:00', 1, chatham)).toEqual(['2026-04-04T15:05']);
    expect(cronRuns('0 23 * * *', '2026-10-24T21:00', 2, { timezone: 'Antarctica/Troll' })).toEqual([
      '2026-10-24T21:00',
      '2026-10-25T23:00',
    ]);
  });

  it('finds 29 February past a year that is no leap year (celery/celery, PR 10585)', () => {
    expect(cronRuns('0 0 29 2 *', '2096-03-01T00:00', 1)).toEqual(['2104-02-29T00:00']);
  });

  it.each(['0 * * * *', '0 0-23/1 * * *', '0 0-23 * * *', '0 0/1 * * *', '0 0-11,12-23 * * *'])(
    'is hourly in autumn however the hours are written: %s (OptimalBits/bull#2207)',
    (expression) => {
      expect(cronRuns(expression, '2025-10-25T23:30', 4, { timezone: 'Europe/Berlin' })).toEqual([
        '2025-10-26T00:00',
        '2025-10-26T01:00',
        '2025-10-26T02:00',
        '2025-10-26T03:00',
      ]);
    },
  );

  it('keeps to the step of all hours as of a wildcard', () => {
    for (const hours of ['*/2', '0-23/2', '0/2']) {
      expect(cronRuns(`0 ${hours} * * *`, '2025-10-25T23:30', 3, { timezone: 'Europe/Berlin' })).toEqual([
        '2025-10-26T00:00',
        '2025-10-26T01:00',
        '2025-10-26T03:00',
      ]);
    }
    // Hours that somebody chose are a time of day, and come once.
    expect(cronRuns('0 1-23 * * *', '2025-10-25T23:30', 2, { timezone: 'Europe/Berlin' })).toEqual([
      '2025-10-26T00:00',
      '2025-10-26T02:00',
    ]);
  });
});

// 2,508 expressions of public repositories. Not part of this one, like the vectors.
const corpus = resolve(fileURLToPath(new URL('../../../', import.meta.url)), '../shared/cron-corpus.txt');

describe.runIf(existsSync(corpus))('cron expressions in real use', () => {
  const all = existsSync(corpus)
    ? readFileSync(corpus, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
    : [];

  it('are read or refused in words, each with words of its own, and come back the same', () => {
    let accepted = 0;
    for (const expression of all) {
      try {
        const trigger = make({ type: 'cron', expression });
        accepted += 1;
        expect(trigger.describe()).not.toBe('');
        expect(make(trigger.toJSON()).nextTime(null, at('2025-01-01T00:00'))).toBe(
          trigger.nextTime(null, at('2025-01-01T00:00')),
        );
      } catch (error) {
        expect(error, expression).toBeInstanceOf(AsynczError);
      }
    }
    expect(accepted).toBe(2_031);
  });

  it('give the times of a slow look at each minute around a change of clocks', { timeout: 120_000 }, () => {
    // What the slow look knows: five fields of numbers, lists, ranges that do not wrap, steps. Every fifth, since it is slow.
    const wraps = (line: string): boolean =>
      [...line.matchAll(/(\d+)-(\d+)/g)].some(([, first, last]) => Number(first) > Number(last));
    const plain = all
      .filter((line) => /^[\d*/,-]+( [\d*/,-]+){4}$/.test(line) && !wraps(line))
      .filter((_line, index) => index % 5 === 0);
    let compared = 0;
    for (const expression of plain) {
      for (const [timezone, from] of [
        ['Europe/Berlin', '2025-10-25T12:00'],
        ['America/New_York', '2025-03-08T18:00'],
      ] as const) {
        let expected: number[];
        try {
          make({ type: 'cron', expression });
          expected = slowRuns(expression, timezone, at(from), 1);
        } catch {
          continue;
        }
        const trigger = make({ type: 'cron', expression, timezone });
        const found: number[] = [];
        for (
          let time = trigger.timeFrom(at(from), SEED);
          time !== null && time <= at(from) + 86_400_000;
          time = trigger.timeFrom(time + 1, SEED)
        ) {
          found.push(time);
        }
        expect(found, `${expression} in ${timezone}`).toEqual(expected);
        compared += 1;
      }
    }
    expect(compared).toBeGreaterThan(300);
  });
});
