import { expect } from 'vitest';
import type { DeclaredTask } from 'nestjs-asyncz';
import { SCALE, until } from '../cluster.bench.js';
import type { ClusterBench } from '../cluster.bench.js';
import { taskOf } from '../ledger.js';
import { expectSound, judge, report } from '../verdict.js';

/**
 * Many replicas of an application start at the same moment on a store that has nothing yet. With the lease of production:
 * twenty processes that load at once on two cores do not get the processor for a second, which is no matter of the herd.
 */
export async function herd(bench: ClusterBench): Promise<void> {
  const processes = Math.max(4, Math.round(20 * SCALE));
  const count = Math.max(20, Math.round(200 * SCALE));
  await bench.pool.prepare(processes);
  const trigger = { type: 'interval', seconds: bench.kind.slow ? 10 : 2 } as const;
  const declared = Array.from({ length: count }, (_, at): DeclaredTask => ({ id: `t${at}`, handler: 'work', trigger }));
  const settings = { lease: '30s', heartbeatInterval: '15s', pollInterval: '10s' };
  const workers = await bench.startMany(processes, { declared, settings });
  const ran = () => new Set([...bench.ledger.ended()].map(taskOf));
  await until('each task has run', () => ran().size === count, bench.kind.slow ? 240_000 : 60_000);
  const adds = workers.flatMap(({ process }) => process.told.filter(({ name }) => name === 'task.added'));
  const { tasks, total } = await bench.client.getTaskInfos({ limit: count });
  const ids = declared.map(({ id }) => id);
  const verdict = judge(bench.ledger, { least: ids, most: [] });
  const doubled = [...bench.ledger.attempts()].flatMap(([runId, { length }]) => (length > 1 ? runId : []));
  report('herd', bench.kind.name, { ...verdict, doubled }, { processes, added: adds.length, stored: total });
  expectSound({ ...verdict, doubled }, bench.leaseMs / 2);
  expect({ added: adds.length, stored: total }).toEqual({ added: count, stored: count });
  expect(tasks.map(({ id }) => id).sort()).toEqual(ids.sort());
}
