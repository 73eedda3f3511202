import { describe, expect, it } from 'vitest';
import { makeTask } from '../../../lib/testing/task.fixtures.js';
import type { TaskRecord } from '../../../lib/model/task.js';
import { makeCodec } from './codec.fixtures.js';

const codec = makeCodec();

describe('the text of a record', () => {
  const plain = makeTask('t', { args: [1] });
  const texts = {
    definition:
      '{"entity":"task","version":1,"serializer":"json","payload":{"id":"t","handler":"work",' +
      '"trigger":{"type":"date","runAt":"2020-01-01T12:00:00.000Z"},"args":[1]}}',
    state: '{"createdAt":1577880000123,"updatedAt":1577880000123}',
  };

  it('leaves out what most records have', () => {
    expect(codec.encodeTask(plain)).toMatchObject(texts);
  });

  it('means for good what version 1 of the format leaves out', () => {
    const { definition, state } = codec.decodeTask({ ...codec.encodeTask(plain), ...texts }) as TaskRecord;
    expect(definition).toEqual({
      id: 't',
      name: 't',
      handler: 'work',
      args: [1],
      input: 'args',
      schemaVersion: null,
      trigger: { type: 'date', runAt: '2020-01-01T12:00:00.000Z' },
      executor: 'default',
      origin: 'runtime',
      tags: [],
      declared: null,
      policies: {
        coalesce: 'latest',
        maxCatchUp: 100,
        misfireGraceMs: null,
        maxInstances: 1,
        overlap: 'skip',
        maxQueued: 100,
        delivery: 'at-least-once',
        maxLost: 3,
        priority: 0,
        group: null,
        groupLimit: 1,
        limitKey: null,
        keyLimit: null,
        retry: null,
        timeoutMs: null,
        pauseAfterFailures: null,
        history: 'all',
        keepResult: true,
        rateLimit: null,
        expect: null,
      },
    });
    expect(state).toEqual(plain.state);
  });

  it.each([
    makeTask('named', { name: 'otherwise', executor: 'slow', tags: ['a'], origin: 'code' }),
    makeTask('ruled', { policies: { priority: 7, misfireGraceMs: 0, history: 'none', keepResult: false } }),
    makeTask('given', { args: [{ a: 1 }], input: 'data', schemaVersion: 4 }),
    makeTask('stood', { nextRunTime: 5, state: { exhausted: true, scheduledCount: 3, lastToken: 9 } }),
  ])('says what is otherwise: $id', (task) => {
    expect(codec.decodeTask(codec.encodeTask(task))).toEqual(task);
  });
});
