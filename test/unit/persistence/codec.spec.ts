import { describe, expect, it } from 'vitest';
import { makeTask } from '../../../lib/testing/task.fixtures.js';
import { makeCodec, makeFullTask } from './codec.fixtures.js';

describe('a codec in clear', () => {
  it('gives back a task as it was', () => {
    const codec = makeCodec();
    const task = makeFullTask();
    expect(codec.decodeTask(codec.encodeTask(task))).toStrictEqual(task);
  });

  it('writes plain JSON so that people can read it', () => {
    const { definition } = makeCodec().encodeTask(makeTask('a', { args: [{ report: 7 }] }));
    expect(JSON.parse(definition)).toMatchObject({
      entity: 'task',
      version: 1,
      serializer: 'json',
      payload: { id: 'a', handler: 'work', args: [{ report: 7 }] },
    });
  });
});
