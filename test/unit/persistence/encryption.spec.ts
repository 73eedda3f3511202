import { createDecipheriv, createHmac, hkdfSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { TaskCodec, TaskRow } from '../../../lib/persistence/codec.interface.js';
import { isEncrypted } from '../../../lib/persistence/envelope.js';
import { KeyRing } from '../../../lib/persistence/key-ring.js';
import { SerializerRegistry } from '../../../lib/persistence/serializer.registry.js';
import { makeRun, makeTask } from '../../../lib/testing/task.fixtures.js';
import { makeCodec, makeFullTask, reasonOf } from './codec.fixtures.js';

const OLD = 'the old secret, 1234';
const NEW = 'the new secret, 5678';

function codecOf(...secrets: readonly string[]): TaskCodec {
  return makeCodec({ keyRing: secrets.length === 0 ? null : KeyRing.create(secrets) });
}

const CONFIDENTIAL = 'customer 4711';
const task = makeFullTask('t', [{ note: CONFIDENTIAL, at: new Date(0) }]);
const run = makeRun('r', {
  result: { note: CONFIDENTIAL },
  error: { name: 'E', message: CONFIDENTIAL, code: null, stack: `at ${CONFIDENTIAL}`, cause: null, errors: [] },
});

describe('an encrypted record', () => {
  it('is read again with its key', () => {
    const codec = codecOf(NEW);
    expect(codec.decodeTask(codec.encodeTask(task))).toStrictEqual(task);
    expect(codec.decodeRun(codec.encodeRun(run))).toStrictEqual(run);
  });

  it('shows nothing of arguments, trigger options, results and errors', () => {
    const codec = codecOf(NEW);
    const rows = JSON.stringify([codec.encodeTask(task), codec.encodeRun(run)]);
    for (const hidden of [CONFIDENTIAL, '4711', '0 2 * * *', 'Europe/Lisbon', NEW]) {
      expect(rows).not.toContain(hidden);
      expect(rows).not.toContain(Buffer.from(hidden).toString('base64').slice(0, -3));
    }
  });

  it('says how it is encrypted, and under which key', () => {
    const ring = KeyRing.create([NEW]);
    const row = makeCodec({ keyRing: ring }).encodeTask(task);
    const [id] = ring.ids();
    expect(id).toMatch(/^[0-9a-f]{12}$/);
    expect(row.codec).toBe(`1:json:${id}`);
    expect(JSON.parse(row.definition)).toEqual({
      entity: 'task',
      version: 1,
      serializer: 'json',
      encryption: {
        algorithm: 'A256GCM-HS256',
        key: id,
        nonce: expect.stringMatching(/^[A-Za-z0-9+/]{32}$/) as string,
      },
      payload: expect.any(String) as string,
    });
  });

  it('is under a key of its own, made by HKDF-Expand of the first half of its nonce', () => {
    const row = codecOf(NEW).encodeTask(task);
    const { encryption, payload } = JSON.parse(row.definition) as {
      encryption: { key: string; nonce: string };
      payload: string;
    };
    const nonce = Buffer.from(encryption.nonce, 'base64');
    const secret = Buffer.from(hkdfSync('sha256', NEW, 'nestjs-asyncz', 'record keys', 32));
    const info = Buffer.concat([Buffer.from('one record'), nonce.subarray(0, 12), Buffer.from([1])]);
    const key = createHmac('sha256', secret).update(info).digest();
    const bytes = Buffer.from(payload, 'base64');
    const decipher = createDecipheriv('aes-256-gcm', key, nonce.subarray(12));
    const associated = ['main', 'task', ['t'], 1, 'json', 'A256GCM-HS256', encryption.key];
    decipher.setAAD(Buffer.from(JSON.stringify(associated))).setAuthTag(bytes.subarray(-16));
    const text = Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]).toString();
    expect(JSON.parse(text)).toMatchObject({ id: 't' });
  });

  it('never has a nonce twice', () => {
    const codec = codecOf(NEW);
    const nonces = Array.from({ length: 500 }, () => {
      const { encryption } = JSON.parse(codec.encodeTask(task).definition) as { encryption: { nonce: string } };
      return encryption.nonce;
    });
    expect(new Set(nonces).size).toBe(500);
  });

  it('is unreadable when any byte of it is changed, in any of several ways', () => {
    const codec = codecOf(NEW);
    const row = codec.encodeTask(makeTask('t', { args: [CONFIDENTIAL] }));
    const bytes = Buffer.from(row.definition);
    const reasons = new Map<string, number>();
    for (let at = 0; at < bytes.length; at += 1) {
      for (const mask of [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff]) {
        const changed = Buffer.from(bytes);
        changed[at]! ^= mask;
        const reason = reasonOf(codec.decodeTask({ ...row, definition: changed.toString('latin1') }));
        reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      }
    }
    expect([...reasons.keys()].sort()).toEqual([
      'damaged',
      'not-json',
      'unknown-serializer',
      'unknown-version',
      'wrong-key',
    ]);
  });

  it('is unreadable when any byte of an outcome is changed', () => {
    const codec = codecOf(NEW);
    const row = codec.encodeRun(run);
    const bytes = Buffer.from(row.outcome!);
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 0x01;
      const decoded = codec.decodeRun({ ...row, outcome: changed.toString('latin1') });
      expect(decoded).toMatchObject({ id: 'r', status: 'succeeded', result: undefined });
      expect(decoded.error?.code).toBe('ASYNCZ_OUTCOME_UNREADABLE');
    }
  });

  it('is unreadable when it is cut off anywhere', () => {
    const codec = codecOf(NEW);
    const row = codec.encodeTask(task);
    for (let length = 0; length < row.definition.length; length += 1) {
      expect(reasonOf(codec.decodeTask({ ...row, definition: row.definition.slice(0, length) }))).toBe('not-json');
    }
  });

  it('cannot be moved to another task, another run or another scheduler', () => {
    const codec = codecOf(NEW);
    const [a, b] = [codec.encodeTask(makeTask('a')), codec.encodeTask(makeTask('b'))];
    expect(reasonOf(codec.decodeTask({ ...a, definition: b.definition }))).toBe('damaged');
    expect(reasonOf(codec.decodeTask({ ...b, definition: a.definition }))).toBe('damaged');
    const elsewhere = makeCodec({ keyRing: KeyRing.create([NEW]), namespace: 'billing' });
    expect(reasonOf(elsewhere.decodeTask(a))).toBe('damaged');
    const row = codec.encodeRun(run);
    for (const moved of [{ id: 'r2' }, { taskId: 'other' }, { attempt: 2 }, { token: 2 }]) {
      expect(codec.decodeRun({ ...row, ...moved }).error?.code).toBe('ASYNCZ_OUTCOME_UNREADABLE');
    }
    expect(reasonOf(codec.decodeTask({ ...a, id: 'r', definition: row.outcome! }))).toBe('damaged');
  });

  it('cannot be moved by ids that look like two others put together', () => {
    const codec = codecOf(NEW);
    const ids = ['a', 'a"', 'a","b', 'a\u0000', '["a"]', 'a,b', '\ud800', '\ud801', '\ufffd'];
    const rows = ids.map((id) => codec.encodeTask(makeTask(id)));
    for (const [at, row] of rows.entries()) {
      for (const [from, { definition }] of rows.entries()) {
        expect(reasonOf(codec.decodeTask({ ...row, definition }))).toBe(at === from ? 'readable' : 'damaged');
      }
    }
  });

  it('cannot be passed off as one of another serializer', () => {
    const serializers = new SerializerRegistry();
    serializers.register({ name: 'mine', serialize: String, deserialize: () => [] });
    const codec = makeCodec({ serializers, keyRing: KeyRing.create([NEW]) });
    const row = codec.encodeTask(task);
    const definition = row.definition.replace('"serializer":"json"', '"serializer":"mine"');
    expect(reasonOf(codec.decodeTask({ ...row, definition }))).toBe('damaged');
  });
});

describe('another key, or none', () => {
  const row = codecOf(OLD).encodeTask(makeTask('t', { nextRunTime: 5 }));

  it('leaves a record unreadable, with the reason and what is in clear', () => {
    const [old] = KeyRing.create([OLD]).ids();
    const [other] = KeyRing.create([NEW]).ids();
    expect(codecOf(NEW).decodeTask(row)).toEqual({
      id: 't',
      unreadable: 'wrong-key',
      message: `The record is encrypted under the key "${old}"; the keys here are ${other}.`,
      handler: 'work',
      nextRunTime: 5,
    });
    expect(codecOf().decodeTask(row)).toMatchObject({
      unreadable: 'wrong-key',
      message: `The record is encrypted under the key "${old}"; no key is configured here.`,
    });
  });

  it('leaves the outcome of a run unreadable and the rest of it as it is', () => {
    expect(codecOf(NEW).decodeRun(codecOf(OLD).encodeRun(run))).toStrictEqual({
      ...run,
      result: undefined,
      error: {
        name: 'UnreadableOutcome',
        message: expect.stringMatching(/cannot be read \(wrong-key\)/) as string,
        code: 'ASYNCZ_OUTCOME_UNREADABLE',
        stack: null,
        cause: null,
        errors: [],
      },
    });
  });

  it('is told by the codec column alone', () => {
    expect(isEncrypted(row.codec)).toBe(true);
    expect(isEncrypted(codecOf().encodeTask(task).codec)).toBe(false);
  });

  it('is what a query can leave out', () => {
    expect(codecOf(NEW).readable()).not.toContain(row.codec);
    expect(codecOf(NEW, OLD).readable()).toContain(row.codec);
    expect(codecOf().readable()).toEqual(['1:json:-']);
    const serializers = new SerializerRegistry();
    serializers.register({ name: 'mine', serialize: String, deserialize: String });
    const keyRing = KeyRing.create([NEW, OLD]);
    const [first, second] = keyRing.ids();
    expect(makeCodec({ serializers, keyRing }).readable()).toEqual([
      '1:json:-',
      `1:json:${first}`,
      `1:json:${second}`,
      '1:mine:-',
      `1:mine:${first}`,
      `1:mine:${second}`,
    ]);
  });
});

describe('a rotation', () => {
  const before = codecOf(OLD);
  const during = codecOf(NEW, OLD);
  const after = codecOf(NEW);
  const oldRow = before.encodeTask(task);

  it('reads the old records while it goes on, and writes new ones', () => {
    expect(during.decodeTask(oldRow)).toStrictEqual(task);
    const newRow = during.encodeTask(task);
    expect(after.decodeTask(newRow)).toStrictEqual(task);
    expect(reasonOf(before.decodeTask(newRow))).toBe('wrong-key');
    expect(reasonOf(after.decodeTask(oldRow))).toBe('wrong-key');
  });

  it('knows what is to be written again', () => {
    expect(during.needsRotation(oldRow)).toBe(true);
    expect(during.needsRotation(during.encodeTask(task))).toBe(false);
    expect(during.needsRotation(before.encodeRun(run))).toBe(true);
    expect(during.needsRotation(during.encodeRun(run))).toBe(false);
    expect(during.needsRotation(before.encodeRun(makeRun('r', { result: undefined })))).toBe(false);
    expect(during.needsRotation(codecOf().encodeTask(task))).toBe(true);
    expect(during.needsRotation(codecOf().encodeRun(run))).toBe(true);
    expect(during.needsRotation({ ...oldRow, definition: 'rubbish' })).toBe(true);
    expect(codecOf().needsRotation(codecOf().encodeTask(task))).toBe(false);
  });

  it('leaves the outcome of a run as it is when its key is missing', () => {
    const stored = before.encodeRun(run);
    const unread = after.decodeRun(stored);
    expect(after.encodeRun({ ...unread })).toStrictEqual(stored);
    expect(during.decodeRun(after.encodeRun(unread))).toStrictEqual(run);
  });

  it('to encryption reads the records in clear and writes encrypted ones', () => {
    const plain = codecOf().encodeTask(task);
    const codec = codecOf(NEW);
    expect(codec.decodeTask(plain)).toStrictEqual(task);
    expect(codec.readable()).toContain(plain.codec);
    expect(isEncrypted(codec.encodeTask(task).codec)).toBe(true);
    expect(codec.decodeRun(codecOf().encodeRun(run))).toStrictEqual(run);
  });

  it('away from encryption reads the encrypted ones and writes in clear, when that is allowed', () => {
    const leaving = KeyRing.create(['', OLD]);
    expect(() => makeCodec({ keyRing: leaving })).toThrow(/allowPlaintext/);
    const codec = makeCodec({ keyRing: leaving, allowPlaintext: true });
    expect(codec.decodeTask(oldRow)).toStrictEqual(task);
    expect(codec.needsRotation(oldRow)).toBe(true);
    const plain = codec.encodeTask(task);
    expect(plain.codec).toBe('1:json:-');
    expect(codec.needsRotation(plain)).toBe(false);
    expect(codecOf().decodeTask(plain)).toStrictEqual(task);
  });

  it('does not concern a codec that is told not to encrypt', () => {
    const codec = makeCodec({ keyRing: KeyRing.create([NEW]) }, { encrypt: false });
    const row = codec.encodeTask(task);
    expect(isEncrypted(row.codec)).toBe(false);
    expect(codec.encodeRun(run).outcome).toContain(CONFIDENTIAL);
    expect(codec.needsRotation(row)).toBe(false);
  });
});

describe('a key that comes later', () => {
  it('makes records readable without a restart, and is used to write', async () => {
    let secrets = [OLD];
    const keyRing = await KeyRing.fetch(() => Promise.resolve(secrets));
    const codec = makeCodec({ keyRing });
    const row: TaskRow = codecOf(NEW).encodeTask(task);
    expect(reasonOf(codec.decodeTask(row))).toBe('wrong-key');
    secrets = [NEW, OLD];
    expect(await keyRing.refresh()).toBe(true);
    expect(codec.decodeTask(row)).toStrictEqual(task);
    expect(codec.readable()).toContain(row.codec);
    expect(codec.encodeTask(task).codec).toBe(row.codec);
    expect(codec.decodeTask(codecOf(OLD).encodeTask(task))).toStrictEqual(task);
    expect(await keyRing.refresh()).toBe(false);
  });
});
