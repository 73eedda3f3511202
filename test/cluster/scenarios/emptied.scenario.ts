import { expect } from 'vitest';
import type { DeclaredTask } from 'nestjs-asyncz';
import { SCALE, until } from '../cluster.bench.js';
import type { ClusterBench } from '../cluster.bench.js';
import { taskOf } from '../ledger.js';
import { report } from '../verdict.js';

const PROCESSES = 2;
const TASKS = 5;

/** Somebody removes everything from the store while processes work: each says so once, and what they declare runs again. */
export async function emptied(bench: ClusterBench): Promise<void> {
  const { kind, backing, ledger, client } = bench;
  const trigger = { type: 'interval', seconds: 1 } as const;
  const declared = Array.from({ length: TASKS }, (_, at): DeclaredTask => ({ id: `t${at}`, handler: 'work', trigger }));
  const workers = await bench.startMany(PROCESSES, { declared });
  const told = () => workers.map(({ process }) => process.told.filter(({ name }) => name === 'store.emptied').length);
  const runsOf = (id: string) => [...ledger.ended()].filter((runId) => taskOf(runId) === id).length;
  const allRan = async (what: string) => {
    const before = new Map(declared.map(({ id }) => [id, runsOf(id)]));
    await until(what, () => declared.every(({ id }) => runsOf(id) > before.get(id)!));
  };
  await allRan('each task has run');
  const rounds = Math.max(1, Math.round(10 * SCALE));
  for (let round = 1; round <= rounds; round += 1) {
    await client.addTask({ id: `lost-${round}`, handler: 'work', trigger: { type: 'interval', hours: 1 } });
    await backing.empty();
    await until('each process has noticed', () => told().every((count) => count >= round));
    await allRan('each task runs again');
  }
  const stored = (await client.getTaskInfos({ limit: 100 })).tasks.map(({ id }) => id);
  const verdict = { expected: TASKS, started: TASKS, attempts: ledger.count('S'), doubled: [], lost: [] };
  report('emptied', kind.name, { ...verdict, unordered: [], overlapMs: 0 }, { rounds, told: told().join(' and ') });
  expect(told()).toEqual([rounds, rounds]);
  expect(stored.sort()).toEqual(declared.map(({ id }) => id));
}
