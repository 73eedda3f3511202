import { assert, boolean, integer, nat, option, property, record, string, uniqueArray } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byDueKey, DUE_KEY_NAMES, withDueKeys } from '../../../../lib/model/due-keys.js';
import {
  headText,
  PARKED_QUEUE,
  queueFilter,
  queueName,
  readPlace,
  timeText,
} from '../../../../lib/stores/redis/redis.place.js';
import type { TaskRow } from '../../../../lib/persistence/codec.interface.js';
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
        const words = queueFilter([], { handlers: null, except: { [key]: names } }).except[DUE_KEY_NAMES.indexOf(key)]!;
        expect(new Set([...words, '-']).size).toBe(names.length + 1);
        // What the scripts take for the end of a word.
        expect(words.join('')).not.toMatch(/[ \t-\r]/);
      }),
    );
  });

  it('are named by their words in the order of the filters, records that could not be read too', () => {
    const row = { handler: 'h', priority: 3, codec: '1:json:-' };
    for (const value of [null, 'a b']) {
      const name = queueName(withDueKeys({ ...row }, () => value));
      expect(name.split(' ')).toHaveLength(PARKED_QUEUE.split(' ').length);
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

  /** A state as the scripts write it. */
  const stateOf = (row: TaskRow, nonce = 'nonce.1') => `${headText(row, nonce)}${queueName(row)}\n${row.state}`;

  it('tell version and columns again, and where the state begins, whatever the ids and handlers are', () => {
    assert(
      property(columns, (fields) => {
        const row = { ...fields, lastToken: 7, lease: null, state: '{}' } as unknown as TaskRow;
        const { version, paused, running, finished, nextRunTime, dueAt } = row;
        const read = readPlace(stateOf(row), '')!;
        const guard = `${version} 7 nonce.1 `;
        expect(read.place).toEqual({ version, guard, paused, running, finished, nextRunTime, dueAt });
        expect(stateOf(row).slice(read.end)).toBe('{}');
      }),
    );
  });

  it('have what a claimer has of the task since: its lease, or a reservation, which changes nothing', () => {
    assert(
      property(columns, string(), (fields, owner) => {
        const row = { ...fields, lastToken: 7, lease: null, state: '{}' } as unknown as TaskRow;
        const { place } = readPlace(stateOf(row), '')!;
        const lease = { owner, token: 9, at: 5, attempt: 2, until: 35 };
        const leased = readPlace(stateOf(row), `3 9 batch:1 b 2 5 35 ${owner}`)!.place;
        const guard = '3 9 batch:1 ';
        const running = row.running + 1;
        expect(leased).toEqual({
          ...place,
          version: 3,
          guard,
          running,
          finished: false,
          dueAt: 35,
          lastToken: 9,
          lease,
        });
        const reserved = readPlace(stateOf(row), `${row.version} 7 batch:1 r 0 0 0 -`)!.place;
        expect(reserved).toEqual({ ...place, guard: `${row.version} 7 batch:1 ` });
        const again = { ...row, lease: { ...lease, attempt: 1 } };
        expect(readPlace(stateOf(again), `3 9 batch:1 b 2 5 35 ${owner}`)!.place.running).toBe(row.running);
      }),
    );
  });

  it('are null when they are damaged', () => {
    for (const text of [
      '',
      'rubbish',
      '1 2 a 0 0,0,0,-\t- x\n',
      'x 2 a 0 0,0,0,-,-\t- x\n',
      '1 2 a 0 0,0,0,-,-\t- x',
    ]) {
      expect(readPlace(text, '')).toBeNull();
    }
    expect(readPlace('1 2 a 0 0,0,0,-,-\t- x\n', 'rubbish')).toBeNull();
  });
});
