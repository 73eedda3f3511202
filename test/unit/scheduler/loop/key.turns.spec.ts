import { expect, it } from 'vitest';
import { makeTask } from 'nestjs-asyncz/testing';
import type { TaskDefinition } from '../../../../lib/model/definition.js';
import { DUE_KEYS } from '../../../../lib/model/due-keys.js';
import { KeyTurns } from '../../../../lib/scheduler/loop/key.turns.js';

const of = (tenant: string, group: string | null = 'g'): TaskDefinition =>
  makeTask('task', { args: [tenant], policies: { group, limitKey: 'args.0' } }).definition;
const laneOf = (tenant: string, group = 'g') => DUE_KEYS.key(of(tenant, group))!;

/** A claim that leaves out whose turn is over. */
function claim(
  turns: KeyTurns,
  isAll: boolean,
  started: readonly TaskDefinition[],
  { waiting = [], full = [] }: { readonly waiting?: readonly TaskDefinition[]; readonly full?: readonly string[] } = {},
): boolean {
  return turns.answered({ except: { key: turns.except, group: full }, isAll, started, waiting });
}

it('keys that have had a turn are left out until no other one is due, and then all are asked for at once', () => {
  const turns = new KeyTurns();
  expect(claim(turns, false, [of('a'), of('a')])).toBe(false);
  expect(turns.except).toEqual([laneOf('a')]);
  expect(claim(turns, true, [of('b')])).toBe(true);
  expect(turns.except).toEqual([laneOf('a'), laneOf('b')]);
  expect(claim(turns, true, [])).toBe(true);
  expect(turns.except).toEqual([]);
});

it('keys are left out neither where one claim shows all that is due, nor of tasks without a group', () => {
  const turns = new KeyTurns();
  expect(claim(turns, true, [of('a'), of('b')])).toBe(false);
  expect(claim(turns, false, [of('a', null)])).toBe(false);
  expect(turns.except).toEqual([]);
});

it('keys keep their place while their group is full, and while others of it wait for a slot', () => {
  const turns = new KeyTurns();
  claim(turns, false, [of('a')], { waiting: [of('a')] });
  expect(claim(turns, true, [of('x', 'other')], { full: ['g'] })).toBe(false);
  expect(turns.except).toEqual([laneOf('a')]);
  expect(claim(turns, true, [], { waiting: [of('b')] })).toBe(true);
  expect(turns.except).toEqual([laneOf('a')]);
});

it('keys are not left out for tasks that cannot start for a reason of their own', () => {
  const turns = new KeyTurns();
  claim(turns, false, [of('a')]);
  claim(turns, false, []);
  expect(turns.except).toEqual([]);
});

it('no more than some hundred keys are left out', () => {
  const turns = new KeyTurns();
  for (let at = 0; at < 1_000; at += 1) {
    claim(turns, false, [of(`tenant ${at}`)]);
    expect(turns.except.length).toBeLessThanOrEqual(200);
  }
});
