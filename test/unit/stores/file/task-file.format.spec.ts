import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dueKeyValues } from '../../../../lib/model/due-keys.js';
import { makeTask } from '../../../../lib/testing/task.fixtures.js';
import type { TaskRow } from '../../../../lib/persistence/codec.interface.js';
import { formatTaskFile, parseTaskFile } from '../../../../lib/stores/file/task-file.format.js';

const ROW: TaskRow = {
  id: 'a "quoted"\nid',
  name: 'ünïcode 😀',
  handler: 'reports.generate',
  trigger: 'cron',
  tags: ['one', 'two'],
  priority: -3,
  disabled: true,
  startTask: false,
  ...dueKeyValues(makeTask('any', { policies: { group: 'erp' } }).definition),
  executor: 'default',
  paused: false,
  running: 1,
  finished: false,
  nextRunTime: 1_577_880_000_123,
  dueAt: null,
  version: 7,
  lastToken: 12,
  lease: { owner: 'x', token: 12, at: 1, attempt: 1, until: 2 },
  codec: '1:json:-',
  definition: '{"v":1,"payload":{"args":[1,2.5,"x"]}}',
  state: '{"createdAt":1,"live":[]}',
};

const read = (text: string | Buffer) => parseTaskFile(Buffer.from(text));

describe('a task file', () => {
  it('gives back every column, and the JSON texts to the letter', () => {
    expect(read(formatTaskFile(ROW))).toEqual(ROW);
    const odd = { ...ROW, definition: '{"a": -0, "__proto__": {"b": 1e400}, "c":[ ]}' };
    expect(read(formatTaskFile(odd))).toEqual(odd);
  });

  it('is JSON that a person can read', () => {
    const text = formatTaskFile(ROW);
    expect(JSON.parse(text)).toMatchObject({
      format: 1,
      id: ROW.id,
      definition: { payload: { args: [1, 2.5, 'x'] } },
      state: { live: [] },
    });
    expect(text.split('\n')).toHaveLength(Object.keys(ROW).length + 5);
  });

  it('puts JSON text of several lines on one', () => {
    const parsed = read(formatTaskFile({ ...ROW, state: '{\n  "live": []\n}' }));
    expect(parsed).toMatchObject({ state: '{"live":[]}' });
  });

  it('is rejected when any byte of it is another one', () => {
    const bytes = Buffer.from(formatTaskFile(ROW));
    for (let at = 0; at < bytes.length; at += 1) {
      for (const flip of [1, 0x20, 0x80, 0xff]) {
        const changed = Buffer.from(bytes);
        changed[at]! ^= flip;
        expect(parseTaskFile(changed), `byte ${at} ^ ${flip}`).toHaveProperty('unreadable');
      }
    }
  });

  it('is rejected when it was cut off anywhere, or goes on after its end', () => {
    const bytes = Buffer.from(formatTaskFile(ROW));
    for (let length = 0; length < bytes.length; length += 1) {
      expect(parseTaskFile(bytes.subarray(0, length)), `${length} bytes`).toHaveProperty('unreadable');
    }
    expect(parseTaskFile(Buffer.concat([bytes, Buffer.from('\n')]))).toHaveProperty('unreadable');
  });

  it('says why it is rejected, with what is legible', () => {
    const text = formatTaskFile(ROW);
    expect(read('no JSON at all')).toMatchObject({ unreadable: 'not-json', id: null });
    expect(read('')).toMatchObject({ unreadable: 'not-json' });
    expect(read('null')).toMatchObject({ unreadable: 'damaged', id: null, handler: null });
    expect(read(text.replace('"format": 1', '"format": 2'))).toMatchObject({ unreadable: 'unknown-version' });
    expect(read(text.replace('"running": 1', '"running": 2'))).toMatchObject({
      unreadable: 'damaged',
      id: ROW.id,
      handler: 'reports.generate',
      nextRunTime: 1_577_880_000_123,
    });
  });

  it('never throws and touches no prototype, whatever it holds', () => {
    const whole = Buffer.from(formatTaskFile(ROW));
    const mutation = fc.record({
      at: fc.nat(whole.length),
      remove: fc.nat(40),
      insert: fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.constant(Buffer.from('"__proto__":{"polluted":1},'))),
    });
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 3 }), (mutations) => {
        let bytes = whole;
        for (const { at, remove, insert } of mutations) {
          bytes = Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)]);
        }
        const parsed = parseTaskFile(bytes);
        if (!bytes.equals(whole)) expect(parsed).toHaveProperty('unreadable');
        expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
      }),
      { numRuns: 5_000 },
    );
  });
});
