import { describe, expect, it } from 'vitest';
import type { TaskRow } from '../../../lib/persistence/codec.interface.js';
import type { TaskRecord } from '../../../lib/model/task.js';
import { USUAL_DEFINITION, USUAL_POLICIES, USUAL_STATE } from '../../../lib/persistence/left.out.js';
import { makeRun, makeTask } from '../../../lib/testing/task.fixtures.js';
import { makeCodec, makeFullTask, nest, reasonOf } from './codec.fixtures.js';

const codec = makeCodec();
const row = codec.encodeTask(makeFullTask());

type Json = Record<string, unknown>;

/** The row with something else in its definition's envelope. */
function withEnvelope(change: (envelope: Json) => unknown): TaskRow {
  const envelope = JSON.parse(row.definition) as Json;
  return { ...row, definition: JSON.stringify(change(envelope) ?? envelope) };
}

function withPayload(change: (payload: Json) => void): TaskRow {
  return withEnvelope((envelope) => change(envelope.payload as Json));
}

/** Every field of a JSON object, those of objects in it included, as the keys that lead to it. */
function pathsOf(value: unknown, under: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) => {
    const path = under.concat(key);
    return [path].concat(pathsOf(part, path) as string[][]);
  });
}

function setAt(root: Json, path: readonly string[], change: (parent: Json, key: string) => void): void {
  let parent = root;
  for (const key of path.slice(0, -1)) parent = parent[key] as Json;
  change(parent, path.at(-1)!);
}

/** Where anything goes: a trigger's own options, and the parts of arguments. */
const isFree = (path: readonly string[]) =>
  (path[0] === 'trigger' && path[1] !== 'type' && path.length > 1) || (path[0] === 'args' && path.length > 1);

const WRONG: readonly unknown[] = [7.5, -1, 'text', true, {}, [], [7], null, '9'.repeat(400)];

describe('a damaged record', () => {
  it.each<[string, TaskRow, string]>([
    ['no text at all', { ...row, definition: '' }, 'not-json'],
    ['rubbish', { ...row, definition: '\u0000\u0001' }, 'not-json'],
    ['half of the text', { ...row, definition: row.definition.slice(0, 200) }, 'not-json'],
    ['no text in the state', { ...row, state: '' }, 'not-json'],
    ['a definition of null', { ...row, definition: 'null' }, 'damaged'],
    ['a definition that is a list', { ...row, definition: '[]' }, 'damaged'],
    ['a definition that is no text', { ...row, definition: undefined as never }, 'not-json'],
    ['a state of null', { ...row, state: 'null' }, 'damaged'],
    ['another entity', withEnvelope((envelope) => ({ ...envelope, entity: 'run' })), 'damaged'],
    ['no version', withEnvelope((envelope) => ({ ...envelope, version: undefined })), 'damaged'],
    ['a version that is text', withEnvelope((envelope) => ({ ...envelope, version: '1' })), 'damaged'],
    ['a version of a later release', withEnvelope((envelope) => ({ ...envelope, version: 2 })), 'unknown-version'],
    ['the version zero', withEnvelope((envelope) => ({ ...envelope, version: 0 })), 'unknown-version'],
    ['a serializer of another release', withEnvelope((e) => ({ ...e, serializer: 'msgpack' })), 'unknown-serializer'],
    ['a serializer named like a member', withEnvelope((e) => ({ ...e, serializer: 'toString' })), 'unknown-serializer'],
    ['a serializer that is no text', withEnvelope((envelope) => ({ ...envelope, serializer: ['json'] })), 'damaged'],
    ['a module for a serializer', withEnvelope((e) => ({ ...e, serializer: '../../evil.js' })), 'unknown-serializer'],
    ['no payload', withEnvelope((envelope) => ({ ...envelope, payload: undefined })), 'damaged'],
    ['a payload that is text', withEnvelope((envelope) => ({ ...envelope, payload: '{}' })), 'damaged'],
    ['encryption that is true', withEnvelope((envelope) => ({ ...envelope, encryption: true })), 'damaged'],
    ['encryption of null', withEnvelope((envelope) => ({ ...envelope, encryption: null })), 'damaged'],
    [
      'another algorithm',
      withEnvelope((e) => ({ ...e, payload: '', encryption: { algorithm: 'none', key: 'k', nonce: '' } })),
      'damaged',
    ],
    ['a member that no envelope has', withEnvelope((envelope) => ({ ...envelope, module: './x.js' })), 'damaged'],
    ['the payload of another task', { ...row, id: 'other' }, 'damaged'],
    ['no version of the record', { ...row, version: 0 }, 'damaged'],
    ['a version of the record that is a fraction', { ...row, version: 1.5 }, 'damaged'],
    ['a version of the record that is text', { ...row, version: '1' as never }, 'damaged'],
    [
      'a thousand million runs to catch up',
      withPayload((payload) => ((payload.policies as Json).maxCatchUp = 1e9)),
      'damaged',
    ],
    [
      'more runs in a queue than may wait',
      withPayload((payload) => ((payload.policies as Json).maxQueued = 1_001)),
      'damaged',
    ],
    ['arguments that are text', withPayload((payload) => (payload.args = 'abc')), 'damaged'],
    ['arguments that are an object', withPayload((payload) => (payload.args = { length: 1 })), 'damaged'],
    ['serialized arguments that are no text', withPayload((payload) => (payload.serialized = [])), 'damaged'],
    [
      'serialized arguments that are no list',
      withPayload((payload) => (payload.serialized = '[{"a":1},2]')),
      'damaged',
    ],
  ])('is unreadable with the reason: %s', (_name, damaged, reason) => {
    expect(reasonOf(codec.decodeTask(damaged))).toBe(reason);
  });

  it('is one in which any single field is missing that is not left out for the usual value', () => {
    const expectDamaged = (path: readonly string[], usual: object, damaged: TaskRow) => {
      const isUsual = path.length === 1 && Object.hasOwn(usual, path[0]!);
      if (isUsual) expectSound(damaged, '');
      else expect([path, reasonOf(codec.decodeTask(damaged))]).toEqual([path, 'damaged']);
    };
    const payload = (JSON.parse(row.definition) as { payload: Json }).payload;
    const fields = pathsOf(payload).filter(
      (path) => !isFree(path) && path[0] !== 'tags' && !(path[1] === 'options' && path.length === 3),
    );
    expect(fields.length).toBeGreaterThan(20);
    const usual = { ...USUAL_DEFINITION, name: 'as its id', policies: USUAL_POLICIES };
    for (const path of fields) {
      const damaged = withPayload((changed) => setAt(changed, path, (parent, key) => delete parent[key]));
      const isPolicy = path[0] === 'policies' && path.length === 2;
      expectDamaged(isPolicy ? path.slice(1) : path, isPolicy ? USUAL_POLICIES : usual, damaged);
    }
    const state = JSON.parse(row.state) as Json;
    for (const path of pathsOf(state).filter(([first, , third]) => first !== 'live' || third !== undefined)) {
      const changed = structuredClone(state);
      setAt(changed, path, (parent, key) => delete parent[key]);
      expectDamaged(path, USUAL_STATE, { ...row, state: JSON.stringify(changed) });
    }
  });

  it('is one in which any single field is of another type, and the message names the field', () => {
    const state = JSON.parse(row.state) as Json;
    const payload = (JSON.parse(row.definition) as { payload: Json }).payload;
    let refused = 0;
    for (const wrong of WRONG) {
      for (const path of pathsOf(payload).filter((each) => !isFree(each))) {
        const damaged = withPayload((changed) => setAt(changed, path, (parent, key) => (parent[key] = wrong)));
        refused += expectSound(damaged, `definition.${path[0]}`);
      }
      for (const path of pathsOf(state)) {
        const changed = structuredClone(state);
        setAt(changed, path, (parent, key) => (parent[key] = wrong));
        refused += expectSound({ ...row, state: JSON.stringify(changed) }, `state.${path[0]}`);
      }
    }
    expect(refused).toBeGreaterThan(500);
  });

  it('is one with numbers that are none or that no date can hold', () => {
    for (const number of ['1e999', '-1e999', '1e16', '-1e16', '"5"']) {
      const state = row.state.replace('"nextRunTime":1600000000000', `"nextRunTime":${number}`);
      expect(state).not.toBe(row.state);
      expect(reasonOf(codec.decodeTask({ ...row, state }))).toBe('damaged');
    }
    const fraction = row.state.replace('"attempt":1', '"attempt":1.5');
    expect(reasonOf(codec.decodeTask({ ...row, state: fraction }))).toBe('damaged');
  });

  it('keeps fields that a newer release has added', () => {
    const newer = withPayload((payload) => {
      payload.added = { a: [1] };
      (payload.policies as Json).added = 'x';
    });
    const task = codec.decodeTask({ ...newer, state: row.state.replace('{', '{"added":7,') }) as TaskRecord;
    expect(task.definition).toMatchObject({ added: { a: [1] }, policies: { added: 'x' } });
    expect(codec.encodeTask(task).definition).toContain('"added":{"a":[1]}');
    expect(codec.encodeState(task).state).toContain('"added":7');
  });

  it('never makes a message of what is in it', () => {
    const secret = codec.encodeTask(makeTask('t', { args: ['customer 4711'], name: 'customer 4711' }));
    for (const damaged of [
      { ...secret, definition: secret.definition.slice(0, -1) },
      { ...secret, definition: secret.definition.replace('"handler"', '"other"') },
      { ...secret, definition: secret.definition.replace('"args":[', '"args":4711,"x":[') },
    ]) {
      const task = codec.decodeTask(damaged);
      expect(task).toHaveProperty('unreadable');
      expect((task as { message: string }).message).not.toContain('4711');
    }
  });

  it('is told with what is in clear, where that is what it has to be', () => {
    expect(codec.decodeTask({ ...row, definition: '' })).toMatchObject({
      handler: 'work',
      nextRunTime: row.nextRunTime,
    });
    const bare = { id: 'x', definition: '', handler: 7, nextRunTime: 'soon' } as unknown as TaskRow;
    expect(codec.decodeTask(bare)).toMatchObject({ id: 'x', handler: null, nextRunTime: null });
  });
});

/** Either it is refused and the message names the field, or what is read is a sound task. Returns 1 when refused. */
function expectSound(damaged: TaskRow, field: string): number {
  const task = codec.decodeTask(damaged);
  if (!('unreadable' in task)) {
    expect(reasonOf(codec.decodeTask(codec.encodeTask(task)))).toBe('readable');
    return 0;
  }
  // A field that has a column of its own does not get by unnoticed although its type is right.
  if (task.unreadable === 'inconsistent') return 1;
  expect(task.unreadable).toBe('damaged');
  expect(task.message).toMatch(new RegExp(`${field}|another task`));
  return 1;
}

describe('what a store may try', () => {
  const plain = codec.encodeTask(makeTask('t', { args: ['ARGS'] }));
  const rich = codec.encodeTask(makeTask('t', { args: [-0] }));
  const withArgs = (json: string): TaskRow => ({ ...plain, definition: plain.definition.replace('["ARGS"]', json) });
  const withText = (text: string): TaskRow => {
    const definition = JSON.parse(rich.definition) as { payload: { serialized: string } };
    definition.payload.serialized = text;
    return { ...rich, definition: JSON.stringify(definition) };
  };

  it.each<[string, TaskRow]>([
    ['a prototype as a key of the arguments', withArgs('[{"__proto__":{"polluted":1}}]')],
    ['the same, spelt with escapes', withArgs('[{"\\u005f_proto\\u005f_":{"polluted":1}}]')],
    ['the same, deep inside', withArgs('[{"a":[{"b":{"__proto__":{"polluted":1}}}]}]')],
    [
      'a prototype in the trigger',
      withPayload((payload) => (payload.trigger = JSON.parse('{"type":"x","__proto__":{}}'))),
    ],
    [
      'a prototype of the definition',
      { ...row, definition: row.definition.replace('"payload":{', '"payload":{"__proto__":{"id":"a"},') },
    ],
    [
      'a prototype of the envelope',
      { ...row, definition: row.definition.replace('{', '{"__proto__":{"polluted":1},') },
    ],
    ['a prototype of the state', { ...row, state: row.state.replace('{', '{"__proto__":{"polluted":1},') }],
    ['a prototype of a run', { ...row, state: row.state.replace('"live":[{', '"live":[{"__proto__":{},') }],
    ['a prototype in serialized values', withText('[[1],{"__proto__":2},{"polluted":3},1]')],
    ['a prototype in an object without one', withText('[[1],["null","__proto__",2],{"polluted":3},1]')],
    ['a pattern', withText('[[1],["RegExp","(a+)+$"]]')],
    ['an address', withText('[[1],["URL","http://127.0.0.1"]]')],
    ['a boxed value', withText('[[1],["Object",2],"x"]')],
    ['an unknown kind of value', withText('[[1],["Function","return 1"]]')],
    ['a kind of value named like a member', withText('[[1],["constructor",2],"x"]')],
    ['an endless list of holes', withText('[[1],[-7,4294967295]]')],
    ['an endless list of arguments', withText('[[-7,4294967295]]')],
    ['a list in itself', withText('[[0]]')],
    ['a map in itself', withText('[[1],["Map",1,1]]')],
    ['values that are not there', withText('[[7]]')],
    ['bytes by the gigabyte', withText('[[1],["Uint8Array",2,0,99999999999],["ArrayBuffer","AAAA"]]')],
    ['a bigint that is none', withText('[[1],["BigInt","x"]]')],
    ['text that is no list', withText('7')],
    ['no text', withText('')],
    ['values nested without end', withText(`[${Array.from({ length: 100_000 }, (_, at) => `[${at + 1}]`).join()},1]`)],
    ['arguments nested without end', withArgs(`${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`)],
    ['objects nested without end', withArgs(`[${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}]`)],
    ['arguments nested one level too deep', withArgs(JSON.stringify([nest(502, 'array')]))],
  ])('does no harm: %s', (_name, hostile) => {
    expect(hostile.definition === plain.definition && hostile.state === plain.state).toBe(false);
    expect(reasonOf(codec.decodeTask(hostile))).toBe('damaged');
    expect(({} as Json).polluted).toBeUndefined();
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  it.each<[string, TaskRow, unknown]>([
    ['values before the first', withText('[[-9]]'), undefined],
    ['a fraction for an index', withText('[[0.5]]'), undefined],
    ['bytes that are none', withText('[[1],["Uint8Array",2],["ArrayBuffer","%%%"]]'), new Uint8Array()],
  ])('is no more than other data: %s', (_name, hostile, value) => {
    expect(codec.decodeTask(hostile)).toMatchObject({ definition: { args: [value] } });
  });

  it('does no harm where it is only text that looks like it', () => {
    const task = makeTask('__proto__', { args: ['__proto__', { text: '{"__proto__":1}', '\u001f': '\\u005f' }] });
    expect(codec.decodeTask(codec.encodeTask(task))).toStrictEqual(task);
  });

  it('does no harm in what is stored of a run', () => {
    const stored = codec.encodeRun(makeRun('r', { result: 'RESULT' }));
    for (const outcome of [
      '',
      'null',
      '{}',
      stored.outcome!.replace('"RESULT"', '{"__proto__":{"polluted":1}}'),
      stored.outcome!.replace('"result":"RESULT"', '"serialized":"[[1],[\\"RegExp\\",\\"x\\"]]"'),
      stored.outcome!.replace('"error":null', '"error":{"name":7,"message":"m","code":null,"stack":null}'),
      stored.outcome!.replace('"error":null', '"error":"text"'),
      stored.outcome!.replace('"version":1', '"version":2'),
      stored.outcome!.replace('"entity":"run"', '"entity":"task"'),
      undefined as never,
      7 as never,
    ]) {
      expect(outcome).not.toBe(stored.outcome);
      expect(codec.decodeRun({ ...stored, outcome })).toMatchObject({
        id: 'r',
        error: { code: 'ASYNCZ_OUTCOME_UNREADABLE' },
      });
    }
    expect(({} as Json).polluted).toBeUndefined();
  });
});
