import fc from 'fast-check';
import { expect, it, onTestFinished, vi } from 'vitest';
import { AsynczError, AsyncExecutor } from 'nestjs-asyncz';
import type { Handler, RunInfo, Scheduler } from 'nestjs-asyncz';
import { HeldTasks } from '../../../../lib/scheduler/loop/held.tasks.js';
import { RunExecution } from '../../../../lib/scheduler/loop/run.execution.js';
import { settle } from '../../../support/gate.js';
import { HookedStore } from '../../../support/hooked.store.js';
import { MemoryCluster } from '../../../support/memory.cluster.js';

const LIMIT = 2;
const GROUPS = ['g', 'h'];

const step = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('add' as const),
      executor: fc.constantFrom('default', 'slow', 'gpu'),
      group: fc.constantFrom(null, ...GROUPS),
      priority: fc.nat(3),
      dueMs: fc.constantFrom(-10, 0, 500),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('end' as const), at: fc.nat(9) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('change' as const),
      how: fc.constantFrom('pause', 'resume', 'run', 'update', 'cancel'),
      by: fc.nat(3),
      back: fc.nat(3),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pause' as const), who: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), who: fc.nat(2) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(10, 1_000, 12_000) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('trouble' as const), is: fc.boolean() }) },
);

function oneOf<T>(at: number, values: readonly T[]): T {
  return values[at % values.length]!;
}

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Three schedulers on one disk that fails, is slow and loses answers while there is trouble. */
class Storm {
  readonly #cluster = new MemoryCluster();
  readonly #stores: readonly HookedStore[];
  readonly #schedulers: Scheduler[] = [];
  readonly #ends: (() => void)[] = [];
  readonly #running = new Map<string, number>();
  #client!: Scheduler;
  #isTrouble = false;
  #added = 0;
  /** The groups that had more runs under way than allowed, before any trouble: a run that lost its lease ends later than that. */
  readonly crowded: string[] = [];
  /** The runs that were begun while they were under way, before any trouble. */
  readonly doubled: string[] = [];
  /** The attempts that were begun more than once. */
  readonly begunTwice: string[] = [];
  readonly #begun = new Set<string>();
  /** The runs whose cancelling failed half way. */
  readonly #inDoubt = new Set<string>();
  /** The tasks of which a change failed half way: the disk has no transactions, so a run may be recorded as lost and go on. */
  readonly #halfWritten = new Set<string>();
  readonly #under = new Set<string>();
  #hadTrouble = false;

  /**
   * @param dice Numbers from 0 to 1, without end.
   * @param takes Whether claims take tasks.
   */
  constructor(
    private readonly dice: Iterator<number>,
    takes: boolean,
  ) {
    this.#stores = [0, 1, 2].map(() => new HookedStore(this.#cluster.disk, takes));
  }

  async begin(): Promise<void> {
    for (const [at, store] of this.#stores.entries()) {
      for (const hooks of [store.before, store.after]) {
        hooks.transact = () => this.#maybeFail(0.3);
        hooks.addTask = () => this.#maybeFail(0.3);
        hooks.claim = () => void (this.#isTrouble && this.#roll() < 0.1 && this.#cluster.clock.advance(16_000));
      }
      store.before.updateTask = ({ id }) => {
        try {
          this.#maybeFail(0.1);
        } catch (error) {
          this.#halfWritten.add(id);
          throw error;
        }
      };
      const executors = {
        default: new AsyncExecutor({ concurrency: 3 }),
        slow: new AsyncExecutor({ concurrency: 1 }),
        ...(at === 0 && { gpu: new AsyncExecutor({ concurrency: 2 }) }),
      };
      this.#schedulers.push(await this.#cluster.join(`s${at}`, { work: this.#work }, { store, executors }));
    }
    this.#client = await this.#cluster.join('client', {}, { role: 'client' });
  }

  readonly #work: Handler = async ([group], { signal, runId, attempt }) => {
    const begun = `${runId} ${attempt}`;
    if (this.#begun.has(begun)) this.begunTwice.push(begun);
    this.#begun.add(begun);
    if (this.#under.has(runId) && !this.#hadTrouble) this.doubled.push(runId);
    this.#under.add(runId);
    const key = String(group);
    const count = (this.#running.get(key) ?? 0) + 1;
    this.#running.set(key, count);
    if (group !== null && count > LIMIT && !this.#hadTrouble) this.crowded.push(key);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#ends.push(resolve);
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      });
      if (this.#roll() > 0.9) throw new Error('no');
    } finally {
      this.#under.delete(runId);
      this.#running.set(key, this.#running.get(key)! - 1);
    }
  };

  #roll(): number {
    return this.dice.next().value as number;
  }

  #maybeFail(share: number): void {
    if (this.#isTrouble && this.#roll() < share) throw new Error('The store is in trouble.');
  }

  async take(one: Step): Promise<void> {
    if (one.do === 'add') await this.#add(one);
    else if (one.do === 'change') void this.#change(one);
    else if (one.do === 'end') this.#ends.splice(one.at, 1)[0]?.();
    else if (one.do === 'pass') this.#cluster.clock.advance(one.ms);
    else if (one.do === 'trouble') {
      this.#isTrouble = one.is;
      this.#hadTrouble ||= one.is;
    } else if (one.do === 'pause') {
      const scheduler = this.#schedulers[one.who]!;
      if (scheduler.state === 'paused') scheduler.resume();
      else scheduler.pause();
    } else await this.#restart(this.#schedulers[one.who]!);
    await settle();
  }

  async #add({ group, executor, priority, dueMs }: Extract<Step, { do: 'add' }>): Promise<void> {
    const id = `t${(this.#added += 1)}`;
    const runAt = new Date(this.#cluster.clock.now() + dueMs);
    const interval = { type: 'interval', seconds: 1 + (this.#added % 5), startAt: runAt, maxRuns: 3 } as const;
    const fixedDelay = { type: 'fixedDelay', delay: '2s', startAt: runAt, maxRuns: 3 } as const;
    const trigger = oneOf(this.#added, [{ type: 'date', runAt } as const, interval, fixedDelay]);
    const policies = {
      overlap: oneOf(this.#added, ['skip', 'allow', 'queueAll', 'queueOne', 'cancelRunning'] as const),
      maxInstances: oneOf(this.#added, [1, 2]),
      delivery: oneOf(this.#added, ['at-least-once', 'at-least-once', 'at-most-once'] as const),
      coalesce: oneOf(this.#added, [true, true, false]),
    };
    const retry = { attempts: 2, backoff: 'fixed', delay: '1s' };
    const rest = { ...policies, executor, priority, group, groupLimit: LIMIT, retry, trigger };
    await this.#client.addTask({ id, handler: 'work', args: [group], ...rest });
  }

  /** What a person does to one of the last tasks; it may be gone, or the store in trouble. */
  async #change({ how, by, back }: Extract<Step, { do: 'change' }>): Promise<void> {
    const scheduler = this.#schedulers[by] ?? this.#client;
    // A run that is asked for in the millisecond of a taking may be the one that began under it: nothing tells them apart.
    this.#cluster.clock.advance(1);
    const id = `t${this.#added - back}`;
    try {
      if (how === 'pause') await scheduler.pauseTask(id);
      else if (how === 'resume') await scheduler.resumeTask(id);
      else if (how === 'run') await scheduler.runTask(id);
      else if (how === 'update') await scheduler.updateTask(id, { name: `changed ${back}` });
      else {
        const task = await this.#client.getTaskInfo(id);
        const run = task && 'live' in task ? task.live[0] : undefined;
        if (run) await this.#cancel(scheduler, run.id);
      }
    } catch (error) {
      if (!(error instanceof AsynczError) && !(error as Error).message.includes('in trouble')) throw error;
    }
  }

  async #cancel(scheduler: Scheduler, runId: string): Promise<void> {
    try {
      await scheduler.cancelRun(runId);
    } catch (error) {
      // The disk has no transactions: the record may be there, and the run goes on.
      this.#inDoubt.add(runId);
      throw error;
    }
  }

  async #restart(scheduler: Scheduler): Promise<void> {
    const stopped = scheduler.shutdown(0);
    while (scheduler.state !== 'stopped') await this.#pass(200);
    await stopped;
    // A start in trouble fails, as it should.
    this.#isTrouble = false;
    await scheduler.start();
  }

  async #pass(ms: number): Promise<void> {
    this.#cluster.clock.advance(ms);
    await settle();
  }

  /** The trouble is over: lets everything run that is left, and gives the tasks that are left all the same. */
  async calm(): Promise<readonly string[]> {
    this.#isTrouble = false;
    for (const scheduler of this.#schedulers) if (scheduler.state === 'paused') scheduler.resume();
    for (const id of await this.#left())
      await this.#change({ do: 'change', how: 'resume', by: 3, back: this.#added - Number(id.slice(1)) });
    // Longer than a lease, so that those whose holder never heard that it had them expire.
    for (let quiet = 0, seconds = 0; quiet < 60 && seconds < 900; seconds += 1) {
      for (const end of this.#ends.splice(0)) end();
      await this.#pass(1_000);
      quiet = (await this.#left()).length === 0 ? quiet + 1 : 0;
    }
    return this.#left();
  }

  async #left(): Promise<readonly string[]> {
    return (await this.#client.getTaskInfos({ limit: 1_000 })).tasks.map(({ id }) => id);
  }

  /** The runs that ended for good more than once. */
  async endedTwice(): Promise<readonly string[]> {
    const ended = new Set<string>();
    const { runs } = await this.#client.getRuns({ limit: 1_000 });
    const isFinal = ({ id, taskId, status, dead }: RunInfo) => {
      if (status === 'cancelled') return !this.#inDoubt.has(id);
      if (status === 'lost') return dead && !this.#halfWritten.has(taskId);
      return status === 'succeeded' || dead;
    };
    return runs.filter((run) => isFinal(run) && (ended.has(run.id) || !ended.add(run.id))).map(({ id }) => id);
  }

  /** The leases of groups that somebody holds. */
  async leases(): Promise<readonly unknown[]> {
    const now = this.#cluster.clock.now();
    const live: { readonly leaseUntil: Date | null }[] = [];
    for (const group of GROUPS) {
      const record = await this.#client.getTaskInfo(`asyncz:group:${group}`);
      if (record && 'live' in record) live.push(...record.live);
    }
    return live.filter(({ leaseUntil }) => leaseUntil!.getTime() > now);
  }

  /** How many calls the stores get in a minute in which nothing happens. */
  async callsWhenIdle(): Promise<number> {
    const count = () => this.#stores.reduce((sum, { calls }) => sum + calls.transact, 0);
    const before = count();
    for (let seconds = 0; seconds < 60; seconds += 1) await this.#pass(1_000);
    return count() - before;
  }
}

const NAME = 'a cluster in any trouble ends every task when the trouble is over, holds nothing, and is idle then';

/** It computes for some seconds; on a machine that does other things for longer, in milliseconds. */
const TIMEOUT_MS = 120_000;

it.each(['takes tasks', 'decides in the store'])(`${NAME}: one that %s`, { timeout: TIMEOUT_MS }, async (how) => {
  onTestFinished(() => void vi.restoreAllMocks());
  const dice = fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }));
  const steps = fc.array(step, { minLength: 40, maxLength: 100 });
  await fc.assert(
    fc.asyncProperty(steps, dice, async (taken, rolls) => {
      vi.restoreAllMocks();
      const started = vi.spyOn(RunExecution.prototype, 'start');
      const hold = vi.spyOn(HeldTasks.prototype, 'hold');
      const storm = new Storm(rolls, how === 'takes tasks');
      await storm.begin();
      for (const one of taken) await storm.take(one);
      expect(await storm.calm()).toEqual([]);
      expect(await storm.leases()).toEqual([]);
      expect(storm.crowded).toEqual([]);
      expect(storm.begunTwice).toEqual([]);
      expect(storm.doubled).toEqual([]);
      expect(await storm.endedTwice()).toEqual([]);
      for (const { activeCount } of started.mock.contexts as RunExecution[]) expect(activeCount).toBe(0);
      for (const { size, taskCount } of hold.mock.contexts as HeldTasks[]) expect([size, taskCount]).toEqual([0, 0]);
      expect(await storm.callsWhenIdle()).toBeLessThan(60);
    }),
    // To make a failure smaller takes longer than the test may.
    { numRuns: 8, endOnFailure: true },
  );
});
