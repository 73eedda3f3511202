import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { dueTime } from '../../../lib/model/task.js';
import type { StoredTask } from '../../../lib/model/task.js';
import { taskStateName } from '../../../lib/model/query.js';
import type { RunRow, TaskRow } from '../../../lib/persistence/codec.interface.js';
import { KeyRing } from '../../../lib/persistence/key-ring.js';
import { makeRun } from '../../../lib/testing/task.fixtures.js';
import { makeCodec, makeFullTask } from './codec.fixtures.js';
import { mutate, seededRandom } from './mutation.js';

const MUTATIONS = 100_000;
const LONGEST_MS = 5_000;
const REASONS: ReadonlySet<string> = new Set([
  'wrong-key',
  'damaged',
  'inconsistent',
  'too-large',
  'unknown-version',
  'unknown-serializer',
  'not-json',
]);

const plain = makeCodec();
const encrypted = makeCodec({ keyRing: KeyRing.create('a secret of enough bytes') });

const RICH = [
  new Map<unknown, unknown>([['at', new Date(0)]]),
  new Set([1n, -0, NaN]),
  new Uint8Array([1, 2, 3]),
  { a: undefined, text: '__proto__ \u001f' },
];

const TASKS = [
  makeFullTask('a', [{ report: 7, of: ['x', null, true, { deep: [[[]]] }] }, 'text', -1.5]),
  makeFullTask('b', RICH),
];

const PROTOTYPES = [Object, Array, Map, Set, Date, Function, String, Number, BigInt, Uint8Array, Promise, Error].map(
  ({ prototype }) => prototype as object,
);

/** Everything that hangs on the prototypes that all values share, one after the other. */
function prototypes(): readonly unknown[] {
  const members: unknown[] = [];
  for (const each of PROTOTYPES) {
    members.push(Object.getPrototypeOf(each));
    for (const key of Reflect.ownKeys(each)) {
      const { value, get, set } = Object.getOwnPropertyDescriptor(each, key) ?? {};
      members.push(key, value, get, set);
    }
  }
  return members;
}

function expectUntouched(before: readonly unknown[]): void {
  const after = prototypes();
  expect(after.length).toBe(before.length);
  expect(after.findIndex((member, at) => !Object.is(member, before[at]))).toBe(-1);
}

/** Two texts of the same JSON: what is changed twice may be as it was, and space between its parts does not count. */
function isSame(one: string, other: string): boolean {
  try {
    return one === other || isDeepStrictEqual(JSON.parse(one), JSON.parse(other));
  } catch {
    return false;
  }
}

/** Either it is unreadable, or it is a task in every respect. */
function expectSound(task: StoredTask, counts: Map<string, number>): void {
  const outcome = 'unreadable' in task ? task.unreadable : 'readable';
  counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  if ('unreadable' in task) {
    if (!REASONS.has(task.unreadable) || task.message === '') throw new Error(`no reason: ${task.unreadable}`);
    return;
  }
  const state = taskStateName(task);
  const due = dueTime(task.definition, task.state);
  if (state === 'unreadable' || (due !== null && !Number.isFinite(due))) throw new Error('a task that is none');
  if ('unreadable' in plain.decodeTask(plain.encodeTask(task))) throw new Error('a task that cannot be written again');
}

describe('100,000 mutations of real records', () => {
  it('are tasks or unreadable, and do no harm in any other way', { timeout: 300_000 }, () => {
    const random = seededRandom(20_260_101);
    const before = prototypes();
    const rows: TaskRow[] = TASKS.flatMap((task) => [plain.encodeTask(task), encrypted.encodeTask(task)]);
    const outcomes = { plain: new Map<string, number>(), encrypted: new Map<string, number>() };
    let longest = 0;
    for (let count = 0; count < MUTATIONS; count += 1) {
      const row = rows[count % rows.length]!;
      // Of the same kind: with the whole of a record in clear in its place, an encrypted one would be that record.
      const other = rows[(count + 2) % rows.length]!;
      // The state is in clear in both, so that what is changed there may go unnoticed; here it is about the envelope.
      const column = row.codec === '1:json:-' && random() < 0.4 ? 'state' : 'definition';
      const mutated = { ...row, [column]: mutate(row[column], other[column], random) };
      const start = performance.now();
      const task = encrypted.decodeTask(mutated);
      longest = Math.max(longest, performance.now() - start);
      if (isSame(mutated[column], row[column])) continue;
      try {
        expectSound(task, row.codec === '1:json:-' ? outcomes.plain : outcomes.encrypted);
      } catch (error) {
        throw new Error(`mutation ${count} of ${column}: ${mutated[column].slice(0, 2_000)}`, { cause: error });
      }
    }
    expect(longest).toBeLessThan(LONGEST_MS);
    expectUntouched(before);
    // Authenticated: nothing that was changed is ever taken for a task.
    expect([...outcomes.encrypted.keys()].sort()).toEqual([
      'damaged',
      'not-json',
      'unknown-serializer',
      'unknown-version',
      'wrong-key',
    ]);
    expect(outcomes.plain.get('damaged')).toBeGreaterThan(5_000);
    expect(outcomes.plain.get('readable')).toBeGreaterThan(1_000);
  });

  it('of the outcomes of runs are runs all the same', { timeout: 300_000 }, () => {
    const random = seededRandom(7);
    const before = prototypes();
    const error = { name: 'E', message: 'm', code: null, stack: 'at x', cause: null, errors: [] };
    const rows: RunRow[] = [{ rows: 3, list: [[], {}] }, RICH].flatMap((result) => [
      plain.encodeRun(makeRun('r', { result, error })),
      encrypted.encodeRun(makeRun('r', { result, error })),
    ]);
    let unreadable = 0;
    for (let count = 0; count < MUTATIONS / 5; count += 1) {
      const row = rows[count % rows.length]!;
      const outcome = mutate(row.outcome!, rows[Math.floor(random() * rows.length)]!.outcome!, random);
      const run = encrypted.decodeRun({ ...row, outcome });
      if (run.id !== 'r' || (run.error !== null && typeof run.error.message !== 'string')) {
        throw new Error(`mutation ${count}: ${outcome}`);
      }
      if (run.error?.code === 'ASYNCZ_OUTCOME_UNREADABLE') unreadable += 1;
    }
    expect(unreadable).toBeGreaterThan(10_000);
    expectUntouched(before);
  });
});
