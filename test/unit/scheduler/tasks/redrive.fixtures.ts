import { expect } from 'vitest';
import type { Handler, Scheduler } from 'nestjs-asyncz';
import { settle } from '../../../support/gate.js';
import { HookedStore } from '../../../support/hooked.store.js';
import { MemoryCluster } from '../../../support/memory.cluster.js';
import type { HOURLY } from '../../../support/task.factory.js';

/** Keeps the arguments of its runs, and fails while it is broken. */
export class Work {
  isBroken = true;
  readonly seen: unknown[] = [];
  readonly handler: Handler = ([argument]) => {
    this.seen.push(argument);
    if (this.isBroken) throw new Error('broken');
  };
}

export const deadRuns = async (scheduler: Scheduler) => (await scheduler.getRuns({ dead: true })).runs;

export async function onlyDeadRun(scheduler: Scheduler): Promise<string> {
  const runs = await deadRuns(scheduler);
  expect(runs).toHaveLength(1);
  return runs[0]!.id;
}

/** A run that died on `worker`, and a client that is held up in a redrive of it until it is let go. */
export async function heldUp(trigger: typeof HOURLY | undefined, where: 'addTask' | 'transact') {
  const cluster = new MemoryCluster();
  const work = new Work();
  const worker = await cluster.join('worker', { work: work.handler });
  const store = new HookedStore(cluster.disk);
  const client = await cluster.join('client', {}, { role: 'client', store });
  await worker.addTask({ id: 'a', handler: 'work', trigger });
  if (trigger) await worker.runTask('a');
  await settle();
  const id = await onlyDeadRun(worker);
  work.isBroken = false;
  let release!: () => void;
  const released = new Promise<void>((resolve) => (release = resolve));
  let outcome!: Promise<unknown>;
  await new Promise<void>((reached) => {
    store.before[where] = () => {
      delete store.before[where];
      reached();
      return released;
    };
    outcome = client.redriveRun(id).then(
      () => null,
      (error: unknown) => error,
    );
  });
  const redriveHere = async () => {
    await worker.redriveRun(id);
    await settle();
    expect(work.seen).toHaveLength(2);
  };
  const letGo = async () => {
    release();
    const error = await outcome;
    await settle();
    return error;
  };
  return { cluster, worker, work, redriveHere, letGo };
}
