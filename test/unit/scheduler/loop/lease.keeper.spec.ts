import { beforeEach, describe, expect, it } from 'vitest';
import { LeaseLostError, SettableClock } from 'nestjs-asyncz';
import type { Apply, Exchange, Exchanged, Selection, Transacted } from 'nestjs-asyncz/store';
import { HeldRun } from '../../../../lib/scheduler/loop/held.run.js';
import { HeldTasks } from '../../../../lib/scheduler/loop/held.tasks.js';
import { LeaseKeeper } from '../../../../lib/scheduler/loop/lease.keeper.js';
import type { RunServices } from '../../../../lib/scheduler/loop/run.services.js';
import { nextEvent, recordEvents } from '../../../support/events.js';
import { takeOver } from '../../../support/take-over.js';
import { createScheduler, settle } from '../../../support/scheduler.factory.js';
import { minuteTask, runningRun } from '../../../support/task.factory.js';
import { DecidingStore } from '../../../support/deciding.store.js';

const LEASE_MS = 30_000;

let clock: SettableClock;
let runs: HeldTasks;
let fenced: number[];
let asked: number[];
/** What the store makes of a renewal: by itself, all leases hold. */
let answer: <T>(renewed: Transacted<T>) => Promise<Transacted<T>>;
let keeper: LeaseKeeper;

beforeEach(() => {
  clock = new SettableClock();
  runs = new HeldTasks();
  fenced = [];
  asked = [];
  answer = async (renewed) => renewed;
  const store = {
    transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
      asked.push(clock.monotonic());
      const committed = ('ids' in selection ? selection.ids : []).map((id) => {
        const live = [...runs].map(({ run }) => run);
        const { task, value } = apply(minuteTask({ id, state: { live } }), clock.now(), [])!;
        return { id, task, value };
      });
      return answer({ committed, left: [], missing: [], unreadable: [], failed: [], storeNow: clock.now() });
    },
  };
  keeper = new LeaseKeeper(store, runs, LEASE_MS, clock, {
    fenced: () => fenced.push(clock.monotonic()),
    failed: () => {},
    worked: () => {},
  });
});

function hold(claimedAt = clock.monotonic()): HeldRun {
  const run = runningRun({ token: runs.size + 1, status: 'running', leaseUntil: LEASE_MS });
  const record = minuteTask();
  const services = { clock, abortGraceMs: 5_000 } as unknown as RunServices;
  const held = new HeldRun(record, run, { record, run, simpleSince: null }, services, claimedAt);
  runs.hold(held);
  runs.start(held);
  return held;
}

async function advance(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 500) {
    clock.advance(Math.min(500, left));
    await settle();
  }
}

describe('the lease keeper', () => {
  it('renews three times a lease, for as long as it takes', async () => {
    hold();
    keeper.start();
    await advance(10 * LEASE_MS);
    expect(asked).toHaveLength(30);
    expect(fenced).toEqual([]);
  });

  it('aborts a run before its lease is over when the store does not answer', async () => {
    const run = hold();
    keeper.start();
    await advance(12_000);
    answer = () => new Promise(() => {});
    await advance(60_000);
    // Renewed at 10 s, so another scheduler may have it from 40 s on.
    expect(fenced).toEqual([39_000]);
    expect(run.signal.reason).toBeInstanceOf(LeaseLostError);
  });

  it('counts a lease from when the store was asked for the run, not from its answer', async () => {
    await advance(25_000);
    hold(0);
    answer = () => new Promise(() => {});
    keeper.start();
    await advance(60_000);
    expect(fenced[0]).toBeLessThanOrEqual(35_000);
  });

  it('renews again while an earlier renewal hangs', async () => {
    hold();
    let calls = 0;
    answer = (renewed) => {
      calls += 1;
      return calls === 1 ? new Promise(() => {}) : Promise.resolve(renewed);
    };
    keeper.start();
    await advance(3 * LEASE_MS);
    expect(fenced).toEqual([]);
    expect(asked).toHaveLength(9);
  });

  it('sends no more than three renewals at a time', async () => {
    answer = () => new Promise(() => {});
    keeper.start();
    for (let tick = 0; tick < 10; tick += 1) {
      hold();
      await advance(10_000);
    }
    expect(asked).toHaveLength(3);
  });
});

/** A store whose answers to chosen calls come when they are let through. */
class SlowStore extends DecidingStore {
  slowClaims = false;
  slowEnds = false;
  readonly waiting: (() => void)[] = [];

  /** The store in memory answers at once, and so its type says; whoever awaits the answer takes a later one as well. */
  override transact<T>(selection: Selection, apply: Apply<T>): Transacted<T> {
    const result = super.transact(selection, apply);
    const isSlow = this.slowClaims && 'due' in selection && result.committed.length > 0;
    return isSlow ? (this.#let().then(() => result) as unknown as Transacted<T>) : result;
  }

  override exchange(asked: Exchange): Exchanged {
    const exchange = () => super.exchange(asked);
    return this.slowEnds ? (this.#let().then(exchange) as unknown as Exchanged) : exchange();
  }

  #let(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }
}

describe('leases of a slow store', () => {
  it('are renewed while the result of a run waits for the store', async () => {
    const store = new SlowStore();
    const first = createScheduler({ work: () => 1 }, { store });
    await first.scheduler.start();
    store.slowEnds = true;
    const { id } = await first.scheduler.addTask({ handler: 'work' });
    await settle();
    expect(store.waiting).toHaveLength(1);
    for (let tenth = 0; tenth < 10; tenth += 1) {
      first.clock.advance(10_000);
      await settle();
      const [run] = store.lookupTask(id)!.state.live;
      expect(run!.leaseUntil).toBeGreaterThan(first.clock.now());
    }
    const succeeded = nextEvent(first.scheduler, 'run.succeeded');
    store.waiting[0]!();
    expect(await succeeded).toMatchObject({ attempt: 1 });
  });

  it('are renewed before anything is started when the answer to a claim took long', async () => {
    const store = new SlowStore();
    const { scheduler, clock } = createScheduler({ work: () => 1 }, { store });
    await scheduler.start();
    store.slowClaims = true;
    const { id } = await scheduler.addTask({ handler: 'work' });
    await settle();
    clock.advance(29_000);
    const started = nextEvent(scheduler, 'run.started');
    store.slowClaims = false;
    store.waiting[0]!();
    expect(await started).toMatchObject({ taskId: id, attempt: 1 });
  });

  it('are not started when somebody else has taken them over before the answer came', async () => {
    const store = new SlowStore();
    const { scheduler, clock } = createScheduler({ work: () => 1 }, { store });
    await scheduler.start();
    store.slowClaims = true;
    const { id } = await scheduler.addTask({ handler: 'work' });
    await settle();
    clock.advance(31_000);
    takeOver(store, id, clock.now() + 3_600_000);
    const events = recordEvents(scheduler);
    store.waiting[0]!();
    await settle();
    expect(events.filter(({ name }) => name.startsWith('run.'))).toEqual([]);
    expect(store.lookupTask(id)?.state.live).toMatchObject([{ owner: 'other' }]);
  });
});
