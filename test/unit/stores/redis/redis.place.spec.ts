import { assert, boolean, integer, nat, option, property, record, string, uniqueArray } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byDueKey, DUE_KEY_NAMES, withDueKeys } from '../../../../lib/model/due-keys.js';
import {
  guardOf,
  memberOf,
  movedPlace,
  PARKED_QUEUE,
  queueFilter,
  readPlace,
  reservedPlace,
  timeText,
  writtenPlace,
} from '../../../../lib/stores/redis/redis.place.js';
import { inverseTimeText } from '../../../../lib/stores/redis/redis.records.js';

const TIME = integer({ min: -8_640_000_000_000_000, max: 8_640_000_000_000_000 });

describe('times as text', () => {
  it('are in the order of time, years before 1970 included, and all of one length', () => {
    assert(
      property(TIME, TIME, (a, b) => {
        expect(timeText(a).length).toBe(17);
        expect(Math.sign(timeText(a).localeCompare(timeText(b), 'en'))).toBe(Math.sign(a - b));
        expect(Math.sign(inverseTimeText(a).localeCompare(inverseTimeText(b), 'en'))).toBe(Math.sign(b - a));
      }),
    );
  });

  it('take a part of a millisecond up, so that nothing is due before its time', () => {
    expect(timeText(1.2)).toBe(timeText(2));
    expect(timeText(Infinity)).toBe(timeText(8_640_000_000_000_000));
  });
});

describe('queues', () => {
  it.each(DUE_KEY_NAMES)('have a name for each %s that no other has, nor a task without one, in one word', (key) => {
    assert(
      property(uniqueArray(string()), (names) => {
        const words = queueFilter([], { handlers: null, except: { [key]: names } }).except[key];
        expect(new Set([...words, '-']).size).toBe(names.length + 1);
        // What the scripts take for the end of a word.
        expect(words.join('')).not.toMatch(/[ \t-\r]/);
      }),
    );
  });

  it('are named by their words in the order of the filters, records that could not be read too', () => {
    const row = { handler: 'h', priority: 3, codec: '1:json:-' };
    for (const value of [null, 'a b']) {
      const member = memberOf(
        'id',
        withDueKeys({ ...row }, () => value),
        0,
      );
      expect(member.split('\n')[0]!.split(' ')).toHaveLength(PARKED_QUEUE.split(' ').length);
    }
    expect(PARKED_QUEUE.split(' ').slice(2, -1)).toEqual(DUE_KEY_NAMES.map(() => '-'));
  });
});

describe('places', () => {
  const columns = record({
    id: string({ minLength: 1 }),
    handler: string(),
    priority: integer(),
    ...byDueKey(() => option(string())),
    codec: string(),
    version: integer({ min: 1 }),
    paused: boolean(),
    running: nat(9),
    finished: boolean(),
    nextRunTime: option(TIME),
    dueAt: option(TIME),
  });

  it('tell version and columns again, whatever the ids and handlers are', () => {
    assert(
      property(columns, (row) => {
        const place = writtenPlace({ ...row, state: '' }, 'nonce.1', memberOf(row.id, row, row.dueAt));
        const { version, paused, running, finished, nextRunTime, dueAt } = row;
        expect(readPlace(place)).toEqual({ version, paused, running, finished, nextRunTime, dueAt });
        expect(guardOf(place)).toBe(`${version} nonce.1 - `);
      }),
    );
  });

  it('keep their queue in a reservation, and come back from it as they were', () => {
    assert(
      property(columns, TIME, (row, untilTime) => {
        const member = memberOf(row.id, row, row.dueAt ?? 0);
        const place = writtenPlace({ ...row, state: '' }, 'nonce.1', member);
        const reserved = reservedPlace(place, row.id, 'token.1', untilTime);
        expect(reserved).toBe(
          place.replace(' - ', ' token.1 ').replace(`\n${timeText(row.dueAt ?? 0)}\n`, `\n${timeText(untilTime)}\n`),
        );
        expect(movedPlace(reserved, member)).toBe(place);
      }),
    );
  });

  it('are null when they are damaged', () => {
    for (const text of [null, '', 'rubbish', '1 a b', '1 a - 0,0,0,-\tx', 'x a - 0,0,0,-,-\t']) {
      expect(readPlace(text)).toBeNull();
    }
  });
});
