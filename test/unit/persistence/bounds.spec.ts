import { describe, expect, it } from 'vitest';
import { InvalidOptionError } from '../../../lib/errors/input.errors.js';
import { resolveRecordSizes } from '../../../lib/persistence/record.size.js';
import { makeLiveRun, makeRun, makeTask } from '../../../lib/testing/task.fixtures.js';
import { makeCodec, makeFullTask, reasonOf } from './codec.fixtures.js';

const codec = makeCodec();
const LAST = 8_640_000_000_000_000;

/** What a task is after a store has written and read it. */
function stored(state: Parameters<typeof makeTask>[1]) {
  const row = codec.encodeTask(makeTask('t', state));
  const task = codec.decodeTask(row);
  if ('unreadable' in task) throw new Error(task.message);
  return { row, state: task.state };
}

describe('a number that grows', () => {
  it('is written so that it can be read, however often it has grown', () => {
    const live = [makeLiveRun('t@1', { attempt: 2 ** 31, coalesced: 2 ** 53 })];
    const { state } = stored({ state: { scheduledCount: 2 ** 53, failuresInARow: 2 ** 53, live } });
    expect(state).toMatchObject({
      scheduledCount: 2 ** 52,
      failuresInARow: 2 ** 52,
      live: [{ attempt: 2 ** 31 - 1, coalesced: 2 ** 52 }],
    });
    const run = codec.encodeRun(makeRun('r', { attempt: 2 ** 40, coalesced: 2 ** 60 }));
    expect(run).toMatchObject({ attempt: 2 ** 31 - 1, coalesced: 2 ** 52 });
  });

  it('is damage when somebody else has made it too large', () => {
    const row = codec.encodeTask(makeTask('t'));
    for (const field of ['scheduledCount', 'lastToken', 'failuresInARow']) {
      const state = row.state.replace('{', `{"${field}":9007199254740991,`);
      expect(state).not.toBe(row.state);
      expect(reasonOf(codec.decodeTask({ ...row, state }))).toBe('damaged');
    }
    expect(reasonOf(codec.decodeTask({ ...row, version: Number.MAX_SAFE_INTEGER }))).toBe('damaged');
  });
});

describe('a time', () => {
  it('is the last that there is when a retry is further away than any date', () => {
    const { row, state } = stored({ state: { live: [makeLiveRun('t@1', { availableAt: Infinity })] } });
    expect(state.live[0]!.availableAt).toBe(LAST);
    expect(row.dueAt).toBe(LAST);
  });

  it('is a whole millisecond, not before the one that was meant', () => {
    const { row, state } = stored({ nextRunTime: 1_000.25 });
    expect([row.nextRunTime, row.dueAt, state.nextRunTime]).toEqual([1_001, 1_001, 1_001]);
  });
});

describe('clear columns', () => {
  const row = codec.encodeTask(makeFullTask());

  it.each([
    ['dueAt', null],
    ['dueAt', Number.NaN],
    ['nextRunTime', 7],
    ['running', 0],
    ['paused', false],
    ['finished', true],
    ['priority', 5],
    ['codec', '1:json:abc'],
    ['name', 'other'],
    ['handler', 'other'],
    ['trigger', 'other'],
    ['executor', 'other'],
    ['group', 'other'],
    ['tags', ['a']],
  ])('that say something else than the record make it inconsistent: %s', (column, value) => {
    const task = codec.decodeTask({ ...row, [column]: value } as never);
    expect(task).toMatchObject({
      unreadable: 'inconsistent',
      message: `The column ${column} says something else than the record.`,
    });
  });

  it('may lack what a database cannot hold', () => {
    const task = makeTask('t', { name: 'a\0b\ud800c', handler: 'h\0' });
    const written = codec.encodeTask(task);
    expect(codec.decodeTask({ ...written, name: 'abc', handler: 'h' })).toEqual(task);
  });
});

describe('the limit of what is read', () => {
  it('is four times what is written, and 1 MiB at least', () => {
    expect(resolveRecordSizes({}).maxRecordBytes).toBe(4 * 1_048_576);
    expect(resolveRecordSizes({ maxPayloadBytes: 100 }).maxRecordBytes).toBe(1_048_576);
    expect(resolveRecordSizes({ maxPayloadBytes: 100, maxRecordBytes: 100 }).maxRecordBytes).toBe(100);
  });

  it('is refused when it is less than what is written', () => {
    expect(() => resolveRecordSizes({ maxPayloadBytes: 100, maxRecordBytes: 99 })).toThrow(InvalidOptionError);
    expect(() => resolveRecordSizes({ maxRecordBytes: 1.5 })).toThrow('a whole number of bytes');
  });

  it('refuses 100 MB of arguments before they are parsed, which blocked the process for seconds', () => {
    const row = codec.encodeTask(makeTask('t', { args: ['small'] }));
    const definition = row.definition.replace('"small"', `"${'{'.repeat(100_000_000)}"`);
    // What cannot be parsed would be `damaged`, had anybody tried.
    expect(reasonOf(codec.decodeTask({ ...row, definition }))).toBe('too-large');
    expect(reasonOf(codec.decodeTask({ ...row, definition: '', oversize: 100_000_000 }))).toBe('too-large');
  });
});
