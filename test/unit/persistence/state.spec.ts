import { describe, expect, it } from 'vitest';
import { USUAL_STATE } from '../../../lib/persistence/left.out.js';
import { KeyRing } from '../../../lib/persistence/key-ring.js';
import { makeLiveRun, makeTask } from '../../../lib/testing/task.fixtures.js';
import { makeCodec, makeFullTask, reasonOf } from './codec.fixtures.js';

const keyRing = KeyRing.create(['a secret of enough bytes']);
const WHO = { actor: 'Ada Lovelace', reason: 'customer 4711 asked for it' };
const AT = { at: 1_599_000_000_000, ...WHO };
const steps = [
  { name: 'charge 4711', at: 1_599_000_000_001, result: '{"result":"Ada"}' },
  { name: 'wait', at: 1_599_000_000_002 },
];
const live = [makeLiveRun('t@1', { source: 'manual', request: WHO, cancel: AT }), makeLiveRun('t@2', { steps })];
const problem = { code: 'X', message: 'customer 4711 has no such day', at: 1, count: 1 };
const said = makeTask('t', { state: { pause: AT, control: { action: 'run', ...AT }, live, problem } });

describe('what people and handlers have said about a task', () => {
  it('is hidden where a key writes: who paused, ran and cancelled it, and why, and its steps; and is read again', () => {
    const codec = makeCodec({ keyRing });
    const row = codec.encodeTask(said);
    for (const text of [row.state, codec.encodeState(said).state]) {
      expect(text).not.toMatch(/Ada|4711/);
      expect(JSON.parse(text)).toMatchObject({
        pause: { at: AT.at, actor: null },
        problem: { code: 'X', message: '' },
      });
    }
    expect(codec.decodeTask(row)).toStrictEqual(said);
    expect(codec.decodeTask(codec.encodeTask(makeFullTask()))).toStrictEqual(makeFullTask());
  });

  it('is in clear without a key, and costs nothing where nobody has said anything', () => {
    const text = makeCodec().encodeTask(said).state;
    expect({ ...USUAL_STATE, ...(JSON.parse(text) as object) }).toEqual(said.state);
    const { createdAt, updatedAt } = said.state;
    expect(makeCodec({ keyRing }).encodeTask(makeTask('t')).state).toBe(JSON.stringify({ createdAt, updatedAt }));
  });

  it('is not taken from another task, nor read with another key, nor changed', () => {
    const codec = makeCodec({ keyRing });
    const row = codec.encodeTask(said);
    const other = codec.encodeTask({ ...said, id: 'o', definition: { ...said.definition, id: 'o' } });
    expect(reasonOf(codec.decodeTask({ ...row, state: other.state }))).toBe('damaged');
    const late = makeCodec({ keyRing: KeyRing.create(['another secret of enough bytes']) });
    expect(reasonOf(late.decodeTask({ ...late.encodeTask(said), state: row.state }))).toBe('wrong-key');
    for (const wrong of ['7', '"x"', 'null', '{}', '[]']) {
      const { said: sealed } = JSON.parse(row.state) as { said: unknown };
      const state = row.state.replace(JSON.stringify(sealed), wrong);
      expect(state).not.toBe(row.state);
      expect(reasonOf(codec.decodeTask({ ...row, state }))).toMatch(/damaged|not-json/);
    }
  });

  it.each([7, {}, [7], [{ name: 7, at: 1 }], [{ name: 'a' }], [{ name: 'a', at: 1, result: 7 }]])(
    'is refused where it holds something else in place of steps: %j',
    (wrong) => {
      const codec = makeCodec();
      const row = codec.encodeTask(said);
      const state = row.state.replace(JSON.stringify(steps), JSON.stringify(wrong));
      expect(reasonOf(codec.decodeTask({ ...row, state }))).toBe('damaged');
    },
  );
});
