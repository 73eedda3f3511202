import { describe, expect, it } from 'vitest';
import { PayloadTooLargeError } from '../../../lib/errors/persistence.errors.js';
import { KeyRing } from '../../../lib/persistence/key-ring.js';
import { makeRun, makeTask } from '../../../lib/testing/task.fixtures.js';
import { makeCodec } from './codec.fixtures.js';

const MIB = 1_048_576;

function thrownBy(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}
const secret = KeyRing.create('a secret of enough bytes');

describe('the limit of what is stored of a task', () => {
  it('is 1 MiB unless an option says otherwise', () => {
    const codec = makeCodec();
    expect(() => codec.encodeTask(makeTask('t', { args: ['x'.repeat(MIB - 1_000)] }))).not.toThrow();
    expect(() => codec.encodeTask(makeTask('t', { args: ['x'.repeat(MIB)] }))).toThrow(PayloadTooLargeError);
  });

  it('is about bytes, all of the envelope, and is met to the byte', () => {
    for (const keyRing of [null, secret]) {
      for (const args of [['ü'.repeat(300)], [new Date(0), 'x'.repeat(300)]]) {
        const task = makeTask('t', { args });
        const bytes = Buffer.byteLength(makeCodec({ keyRing }).encodeTask(task).definition);
        expect(() => makeCodec({ keyRing, maxPayloadBytes: bytes }).encodeTask(task)).not.toThrow();
        expect(() => makeCodec({ keyRing, maxPayloadBytes: bytes - 1 }).encodeTask(task)).toThrow(
          `The task "t" takes ${bytes} bytes. Allowed: ${bytes - 1} bytes (maxPayloadBytes).`,
        );
      }
    }
  });

  it('names task, size and limit in its error', () => {
    try {
      makeCodec({ maxPayloadBytes: 100 }).encodeTask(makeTask('reports.nightly'));
      expect.unreachable();
    } catch (error) {
      const { code, taskId, bytes, maxBytes } = error as PayloadTooLargeError;
      expect({ code, taskId, maxBytes }).toEqual({
        code: 'ASYNCZ_PAYLOAD_TOO_LARGE',
        taskId: 'reports.nightly',
        maxBytes: 100,
      });
      expect(bytes).toBeGreaterThan(100);
    }
  });

  it('does not write what is far too large to its end', () => {
    const many = Object.fromEntries(Array.from({ length: 300_000 }, (_, n) => [`key ${n}`, n]));
    for (const args of [[many], [Array(600_000).fill(7)], [new Map(Object.entries(many))]]) {
      let written = 0;
      const error = thrownBy(() =>
        makeCodec().encodeTask(
          makeTask('t', {
            args: [
              ...args,
              {
                get late() {
                  return (written += 1);
                },
              },
            ],
          }),
        ),
      );
      expect(error).toMatchObject({ bytes: null, message: expect.stringContaining('takes more than 1048576 bytes') });
      expect(written).toBe(0);
    }
  });

  it('does not keep from reading what was written before it was lowered', () => {
    const task = makeTask('t', { args: ['x'.repeat(10_000)] });
    expect(makeCodec({ maxPayloadBytes: 100 }).decodeTask(makeCodec().encodeTask(task))).toStrictEqual(task);
  });

  it.each([
    ['in clear', null],
    ['encrypted', secret],
  ])('lets 16 MiB through when it is raised, %s', { timeout: 120_000 }, (_name, keyRing) => {
    const codec = makeCodec({ keyRing, maxPayloadBytes: 64 * MIB });
    const args = [
      'ü'.repeat(2 * MIB),
      new Uint8Array(4 * MIB).map((_, at) => at % 251),
      new Map([['rows', Array.from({ length: 200_000 }, (_, at) => ({ at, text: 'a row of some text' }))]]),
    ];
    const task = makeTask('t', { args });
    const row = codec.encodeTask(task);
    expect(Buffer.byteLength(row.definition)).toBeGreaterThan(16 * MIB);
    const read = codec.decodeTask(row);
    if ('unreadable' in read) throw new Error(read.message);
    expect(Buffer.compare(Buffer.from(read.definition.args[1] as Uint8Array), Buffer.from(args[1] as Uint8Array))).toBe(
      0,
    );
    expect(read.definition.args[0]).toBe(args[0]);
    expect(read.definition.args[2]).toEqual(args[2]);
    const result = 'x'.repeat(17 * MIB);
    expect(codec.decodeRun(codec.encodeRun(makeRun('r', { result }))).result).toBe(result);
  });
});
