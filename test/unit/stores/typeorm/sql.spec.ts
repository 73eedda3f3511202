import { describe, expect, it } from 'vitest';
import { batches, tuples } from '../../../../lib/stores/typeorm/sql/batches.js';
import { isStorable, runRow, taskRow, taskValues, TASK_COLUMNS } from '../../../../lib/stores/typeorm/sql/columns.js';
import { all, compile, join, list, raw, sql } from '../../../../lib/stores/typeorm/sql/sql.js';
import { dueKeyValues } from '../../../../lib/model/due-keys.js';
import { makeTask } from '../../../../lib/testing/task.fixtures.js';
import type { TaskRow } from '../../../../lib/persistence/codec.interface.js';

const numbered = (index: number) => `$${index + 1}`;

describe('sql', () => {
  it('binds values and puts pieces in, in the order of the text', () => {
    const where = all([sql`a = ${1}`, sql`b IN (${list(['x', "'; --"])})`]);
    const statement = sql`SELECT ${raw('*')} FROM t WHERE ${where} LIMIT ${5}`;
    expect(compile(statement, numbered)).toEqual({
      text: 'SELECT * FROM t WHERE a = $1 AND b IN ($2, $3) LIMIT $4',
      parameters: [1, 'x', "'; --", 5],
    });
  });

  it('joins pieces', () => {
    expect(compile(join([sql`${1}`, raw('x'), sql`y${2}`], ' + '), () => '?')).toEqual({
      text: '? + x + y?',
      parameters: [1, 2],
    });
    expect(compile(all([]), numbered).text).toBe('1 = 1');
    expect(compile(list([]), numbered).text).toBe('');
  });

  it('binds null, false and undefined as values', () => {
    expect(compile(sql`${null} ${false} ${undefined}`, () => '?').parameters).toEqual([null, false, undefined]);
  });

  it('writes rows as lists of values', () => {
    expect(
      compile(
        tuples([
          [1, 'a'],
          [2, 'b'],
        ]),
        numbered,
      ),
    ).toEqual({
      text: '($1, $2), ($3, $4)',
      parameters: [1, 'a', 2, 'b'],
    });
  });
});

describe('batches', () => {
  it('are cut by rows', () => {
    const rows = Array.from({ length: 25 }, (_, at) => [at]);
    expect([...batches(rows, 10)].map((batch) => batch.length)).toEqual([10, 10, 5]);
    expect([...batches(rows, 10)].flat()).toEqual(rows);
    expect([...batches([], 10)]).toEqual([]);
  });

  it('are cut by the length of their text, and never empty', () => {
    const text = 'x'.repeat(3_000_000);
    expect([...batches([[text], [text], ['y'], [text + text]])].map((batch) => batch.length)).toEqual([1, 2, 1]);
  });
});

describe('columns', () => {
  const row: TaskRow = {
    id: 'ID',
    name: 'A \0name\ud800',
    handler: 'h',
    trigger: 'cron',
    tags: ['a', 'b,c', '"quoted"', 'two\nlines', ''],
    priority: -1,
    ...dueKeyValues(makeTask('ID').definition),
    executor: 'default',
    disabled: false,
    paused: true,
    running: 2,
    finished: false,
    nextRunTime: 5,
    dueAt: null,
    version: 3,
    lastToken: 9,
    lease: null,
    codec: '1:json:-',
    definition: '{}',
    state: '{}',
  };
  const record = () =>
    Object.fromEntries(TASK_COLUMNS.map(({ name }, at) => [name, taskValues(row)[at]])) as Record<string, unknown>;

  it('hold a task, its numbers as any driver gives them', () => {
    const texts = {
      ...record(),
      priority: '-1',
      running: 2n,
      next_run_time: '5',
      version: 3n,
      paused: 1,
      finished: '0',
    };
    expect(taskRow(texts)).toEqual({ ...row, name: 'A name' });
  });

  it('hold the lease of a task, as any driver gives it', () => {
    const lease = { owner: 'one', token: 7, at: 6, attempt: 2, until: 900 };
    const values = taskValues({ ...row, lease });
    const record = Object.fromEntries(TASK_COLUMNS.map(({ name }, at) => [name, values[at]]));
    expect(taskRow(record).lease).toEqual(lease);
    expect(taskRow({ ...record, lease_token: '7', lease_until: 900n }).lease).toEqual(lease);
  });

  it('hold the group, and an empty text for none', () => {
    expect(record().task_group).toBe('');
    expect(taskRow(record()).group).toBeNull();
    const values = taskValues({ ...row, group: 'erp' });
    const at = TASK_COLUMNS.findIndex(({ name }) => name === 'task_group');
    expect(values[at]).toBe('erp');
    expect(taskRow({ ...record(), task_group: 'erp' }).group).toBe('erp');
  });

  it('hold whether a run is dead, as any driver gives it', () => {
    for (const dead of [true, 1, '1', 1n]) expect(runRow({ dead }).dead).toBe(true);
    for (const dead of [false, '0', 0]) expect(runRow({ dead }).dead).toBe(false);
  });

  it('do not fail on tags that somebody has changed by hand', () => {
    expect(taskRow({ ...record(), tags: '\nnot JSON\n' }).tags).toEqual(['not JSON']);
  });

  it('know what a database cannot keep', () => {
    for (const id of ['', 'a', 'ß', '😀', '\u2028']) expect(isStorable(id)).toBe(true);
    for (const id of ['\0', 'a\0b', '\ud800', '\udc00x']) expect(isStorable(id)).toBe(false);
  });
});
