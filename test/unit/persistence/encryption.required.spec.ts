import { describe, expect, it } from 'vitest';
import { KeyRing, resolveKeyRing } from '../../../lib/persistence/key-ring.js';
import { makeRun } from '../../../lib/testing/task.fixtures.js';
import { makeCodec, makeFullTask } from './codec.fixtures.js';

const NEW = 'the new secret, 5678';
const task = makeFullTask('t', [{ note: 'customer 4711' }]);
const run = makeRun('r', { result: 'customer 4711' });

describe('encryption.required', () => {
  const ring = KeyRing.create([NEW]);
  const clear = makeCodec();

  it('makes a record that somebody put there in clear unreadable', () => {
    const strict = makeCodec({ keyRing: ring, required: true });
    expect(strict.decodeTask(clear.encodeTask(task))).toMatchObject({ unreadable: 'in-clear' });
    expect(strict.decodeRun(clear.encodeRun(run)).error?.message).toContain('in-clear');
    expect(strict.decodeTask(strict.encodeTask(task))).toStrictEqual(task);
    expect(strict.readable()).toEqual([`1:json:${ring.ids()[0]}`]);
  });

  it('leaves a store that encrypts nothing alone', () => {
    const inMemory = makeCodec({ keyRing: ring, required: true }, { encrypt: false });
    expect(inMemory.decodeTask(inMemory.encodeTask(task))).toStrictEqual(task);
  });

  it('is refused without a key that writes', async () => {
    const refused = { code: 'ASYNCZ_INVALID_OPTION' };
    await expect(resolveKeyRing({ required: true }, {})).rejects.toMatchObject(refused);
    await expect(resolveKeyRing({ required: 'yes' as never, keys: [NEW] })).rejects.toMatchObject(refused);
    const writesClear = { keys: ['', NEW], allowPlaintext: true, required: true };
    await expect(resolveKeyRing(writesClear)).rejects.toMatchObject(refused);
    await expect(resolveKeyRing({ keys: [NEW], required: true })).resolves.not.toBeNull();
  });

  it('is asked for, where it is not set, by who reads a record in clear although a key writes', () => {
    let count = 0;
    const told = makeCodec({ keyRing: ring }, { inClear: () => (count += 1) });
    told.decodeTask(told.encodeTask(task));
    expect(count).toBe(0);
    told.decodeTask(clear.encodeTask(task));
    told.decodeRun(clear.encodeRun(run));
    expect(count).toBe(2);
    const withoutKey = makeCodec({}, { inClear: () => (count += 1) });
    withoutKey.decodeTask(clear.encodeTask(task));
    expect(count).toBe(2);
  });
});
