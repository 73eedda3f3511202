import { expect } from 'vitest';
import { keyOf } from '../../../lib/model/run.js';
import { becomes, pause, SCALE, until } from '../cluster.bench.js';
import type { ClusterBench, Worker } from '../cluster.bench.js';
import { taskOf } from '../ledger.js';
import type { LedgerKind } from '../ledger.js';
import { addOneShots, together } from '../one-shots.js';
import type { OneShots } from '../one-shots.js';
import { expectSound, judge, report } from '../verdict.js';

/** How often a round may be spoilt because the process was frozen in the middle of a write. */
const MAX_SPOILT = 10;

/** What the rounds came to. */
interface Figures {
  fenced: number;
  aborted: number;
  refused: number;
}

/**
 * A process is frozen with runs under way, and goes on when another one has taken them over. One that happens to be frozen
 * while it holds a lock of the database holds up whoever needs that; this is told of, and tried again.
 */
export async function freeze(bench: ClusterBench): Promise<void> {
  const rounds = Math.max(1, Math.round(10 * SCALE));
  const figures: Figures = { fenced: 0, aborted: 0, refused: 0 };
  const all: OneShots[] = [];
  let spoilt = 0;
  for (let done = 0; done < rounds;) {
    const tasks = await addTasks(bench, `${done}-${spoilt}`);
    all.push(tasks.long, tasks.short);
    if (await freezeOnce(bench, tasks.long, figures)) done += 1;
    else spoilt += 1;
    await expectNothingOverwritten(bench, together(tasks.long, tasks.short));
    expect(spoilt).toBeLessThan(MAX_SPOILT);
  }
  const verdict = judge(bench.ledger, together(...all));
  const { refused, ...more } = figures;
  report('freeze', bench.kind.name, verdict, {
    rounds,
    ...more,
    'results refused': refused,
    'begun anew': spoilt,
  });
  // A frozen process cannot stop, so how long it seems to work beside the other says nothing.
  expectSound(verdict, Infinity);
  expect(figures.aborted).toBeGreaterThan(0);
}

/** Some that are under way all the time, and some that end one after the other about when the process is frozen. */
async function addTasks({ client, kind, leaseMs }: ClusterBench, name: string) {
  const count = kind.slow ? 2 : 4;
  const workMs = (at: number) => 300 + 60 * at;
  return {
    long: await addOneShots(client, `long-${name}`, { count, overMs: 0, workMs: 4 * leaseMs }),
    short: await addOneShots(client, `short-${name}`, { count: 4 * count, overMs: 0, workMs }),
  };
}

/** Returns false when nobody could take over because the process was frozen in the middle of a write, or too late. */
async function freezeOnce(bench: ClusterBench, long: OneShots, figures: Figures): Promise<boolean> {
  const { ledger, leaseMs } = bench;
  const ids = new Set([...long.least, ...long.most]);
  /** The long runs that a process has told of in this way, by run and attempt. */
  const told = (kind: LedgerKind, { ledger: of }: Worker) =>
    ledger.lines(of).flatMap((line) => (line.kind === kind && ids.has(taskOf(line.runId)) ? keyOf(line) : []));
  await bench.pool.prepare(2);
  const sleeper = await bench.start();
  const underWay = () => without(told('S', sleeper), told('A', sleeper));
  await until('the long runs are under way', () => underWay().length === ids.size);
  const heir = await bench.start();
  sleeper.process.freeze();
  const frozen = underWay();
  await pause(3 * leaseMs);
  const mustGoOn = frozen.filter((key) => key.includes('-least-')).length;
  const isTakenOver =
    frozen.length === ids.size && (await becomes(() => told('S', heir).length >= mustGoOn, 2 * leaseMs));
  sleeper.process.thaw();
  if (isTakenOver) {
    await until('the woken process is fenced', () => without(frozen, told('R', sleeper)).length === 0);
    expect(without(frozen, told('A', sleeper))).toEqual([]);
    const lines = ledger.lines(sleeper.ledger);
    const aborted = lines.filter(({ kind }) => kind === 'A').map(keyOf);
    const fenced = lines.filter(({ kind }) => kind === 'R').map(keyOf);
    figures.fenced += fenced.length;
    figures.aborted += aborted.length;
    figures.refused += without(fenced, aborted).length;
  }
  await bench.allEnded();
  await bench.stop(heir);
  await expectAwake(bench, sleeper);
  await bench.stop(sleeper);
  return isTakenOver;
}

function without(keys: readonly string[], others: readonly string[]): string[] {
  return keys.filter((key) => !others.includes(key));
}

/** Of each run the history says once how it ended, and that attempts before were lost, whatever the woken process did. */
async function expectNothingOverwritten({ client, kind }: ClusterBench, { least, most }: OneShots): Promise<void> {
  for (const taskId of [...least, ...most]) {
    const { runs } = await client.getRuns({ taskId });
    const statuses = runs.toSorted((a, b) => a.attempt - b.attempt).map(({ status }) => status);
    const last = statuses.pop();
    expect({ taskId, before: statuses.filter((status) => status !== 'lost') }).toEqual({ taskId, before: [] });
    if (most.includes(taskId)) expect(statuses).toEqual([]);
    else expect([kind.name, taskId, last]).toEqual([kind.name, taskId, 'succeeded']);
  }
}

/** The woken process works again. */
async function expectAwake({ client, ledger }: ClusterBench, { ledger: of }: Worker): Promise<void> {
  const { id } = await client.addTask({ handler: 'work' });
  await until('the woken process runs something', () => ledger.lines(of).some(({ runId }) => taskOf(runId) === id));
}
