import { expect } from 'vitest';
import { pause, SCALE, until } from '../cluster.bench.js';
import type { ClusterBench, Worker } from '../cluster.bench.js';
import { taskOf } from '../ledger.js';
import { addOneShots, together } from '../one-shots.js';
import type { OneShots } from '../one-shots.js';
import { judge, report } from '../verdict.js';

const PROCESSES = 3;

/** What a handler does to its process: see `scheduler.worker.mjs`. */
const POISONS = ['kill', 'exit', 'block'] as const;

/** The default of `maxLost`. */
const MAX_LOST = 3;

/**
 * Tasks that end their process, one kind after the other, each with others that come due at the same moment. A process that is
 * gone is replaced, as it would be by whatever looks after it.
 */
export async function poison(bench: ClusterBench): Promise<void> {
  const { client, kind, leaseMs, ledger } = bench;
  const rounds = Math.max(1, Math.round(5 * SCALE));
  const count = kind.slow ? 6 : 20;
  const handlers = ['work', ...POISONS];
  await bench.pool.prepare(2 * PROCESSES);
  const workers = await bench.startMany(PROCESSES, { handlers });
  const watch = new Watch(bench, workers, handlers);
  await client.addTask({ id: 'often', handler: 'work', trigger: { type: 'interval', milliseconds: 500 } });
  const beside: OneShots[] = [];
  const poisoned: string[] = [];
  try {
    for (const name of Array.from({ length: rounds }, () => POISONS).flat()) {
      const id = `${name}-${poisoned.length}`;
      // All are claimed together, so what is under way beside the poison is lost with it, and tried again with it.
      const trigger = { type: 'date', runAt: Date.now() + 500 } as const;
      await client.addTask({ id, handler: name, args: [4 * leaseMs], trigger, priority: 1 });
      beside.push(await addOneShots(client, `beside-${id}`, { count, overMs: 1_000, workMs: 300 }));
      await until(`${id} is over`, async () => (await client.getTaskInfo(id)) === null, 120_000);
      poisoned.push(id);
    }
    const before = runsOf(bench, 'often');
    await until('the recurring task goes on', () => runsOf(bench, 'often') > before + 2);
    await client.deleteTask('often');
    await bench.allEnded();
  } finally {
    await watch.stop();
  }
  await Promise.all(watch.workers.map((worker) => bench.stop(worker)));
  const verdict = judge(ledger, together(...beside));
  const startsOf = (id: string) =>
    ledger.lines().filter((line) => line.kind === 'S' && taskOf(line.runId) === id).length;
  const starts = poisoned.map(startsOf);
  report('poison', kind.name, verdict, {
    poisoned: poisoned.length,
    starts: starts.join(' '),
    replaced: watch.replaced,
  });
  for (const id of poisoned) await expectDead(bench, id, startsOf(id));
  expect({ lost: verdict.lost, doubled: verdict.doubled }).toEqual({ lost: [], doubled: [] });
}

/** Started a few times, then dead: in the history, in the log and in an event. */
async function expectDead({ client, ledger }: ClusterBench, id: string, starts: number): Promise<void> {
  const { runs } = await client.getRuns({ taskId: id });
  expect([id, starts <= MAX_LOST, starts >= 1]).toEqual([id, true, true]);
  // One that blocks its process is in time, now and then, if no other process was free to take it over.
  if (id.startsWith('block') && runs.some(({ status }) => status === 'succeeded')) return;
  expect([id, runs.every(({ status }) => status === 'lost')]).toEqual([id, true]);
  expect(runs.filter(({ dead }) => dead)).toMatchObject([{ taskId: id, error: { code: 'ASYNCZ_LOST_TOO_OFTEN' } }]);
  const told = (kind: 'D' | 'G') =>
    ledger.lines().filter((line) => line.kind === kind && taskOf(line.runId) === id).length;
  expect([id, told('D'), told('G')]).toEqual([id, 1, 1]);
}

function runsOf({ ledger }: ClusterBench, taskId: string): number {
  return ledger.lines().filter(({ kind, runId }) => kind === 'E' && taskOf(runId) === taskId).length;
}

/** Replaces processes that have ended. */
class Watch {
  replaced = 0;
  #isStopped = false;
  readonly #watching: Promise<void>;

  constructor(
    private readonly bench: ClusterBench,
    readonly workers: Worker[],
    private readonly handlers: readonly string[],
  ) {
    this.#watching = this.#watch();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#watching;
  }

  async #watch(): Promise<void> {
    while (!this.#isStopped) {
      const at = this.workers.findIndex(({ process }) => process.isGone);
      if (at < 0) await pause(50);
      else await this.#replace(at);
    }
  }

  async #replace(at: number): Promise<void> {
    await this.bench.kill(this.workers[at]!);
    try {
      this.workers[at] = await this.bench.start({ handlers: this.handlers });
      this.replaced += 1;
    } catch {
      // It has got the poison before it could say that it has started: another one takes its place.
    }
  }
}
