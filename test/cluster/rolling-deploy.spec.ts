import { afterEach, describe, expect, it } from 'vitest';
import { Scheduler, SettableClock } from 'nestjs-asyncz';
import type { DeclaredTask, SchedulerEvent } from 'nestjs-asyncz';
import type { StoreCapabilities } from 'nestjs-asyncz/store';
import type { TriggerData } from 'nestjs-asyncz/triggers';
import { IntervalTrigger } from '../../lib/triggers/interval.trigger.js';
import type { TriggerContext } from '../../lib/triggers/trigger.context.js';
import { Disk } from '../support/eight-method.store.js';
import { recordEvents } from '../support/events.js';
import { HostStore } from '../support/host.store.js';
import { settle, START } from '../support/scheduler.factory.js';

const HOUR = 3_600_000;
const STEP_MS = 5_000;

const FAULTS = new Set(['run.failed', 'run.lost', 'run.missed', 'run.skipped', 'run.fenced', 'task.problem']);

/** A disk in memory stands for a database: what two processes do to it goes one after the other. */
class ClusterStore extends HostStore {
  override readonly capabilities: StoreCapabilities = {
    coordination: 'cluster',
    wakeUp: 'pushed',
    transactionalAdds: false,
    durable: true,
  };
}

/** A kind of trigger that only the newer version has. */
class BeatTrigger extends IntervalTrigger {
  override toJSON(): TriggerData {
    return { ...super.toJSON(), type: 'beat' };
  }
}

const every = (id: string, handler: string, seconds: number): DeclaredTask => ({
  id,
  handler,
  trigger: { type: 'interval', seconds, startAt: new Date(START + seconds * 1_000) },
});

/** For which times each task has run. */
class Tally {
  readonly times = new Map<string, number[]>();

  note(id: string, time: Date): void {
    const known = this.times.get(id);
    if (known) known.push(time.getTime() - START);
    else this.times.set(id, [time.getTime() - START]);
  }

  of(id: string): readonly number[] {
    return (this.times.get(id) ?? []).toSorted((a, b) => a - b);
  }
}

const disk = new Disk();
const clock = new SettableClock(START);
const tally = new Tally();
const running: Scheduler[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((scheduler) => scheduler.shutdown(0)));
});

async function deploy(
  version: string,
  handlers: readonly string[],
  declared: readonly DeclaredTask[],
  triggers = {},
): Promise<{ scheduler: Scheduler; events: SchedulerEvent[] }> {
  const scheduler = new Scheduler({
    identity: version,
    clock,
    stores: { default: new ClusterStore(disk) },
    // Both are this process, and an hour of heartbeats every 15 s says nothing here.
    heartbeatInterval: '10m',
    triggers,
  });
  for (const name of handlers) {
    scheduler.registerHandler(name, (_args, { task, scheduledTime }) => tally.note(task.id, scheduledTime));
  }
  scheduler.declareTasks(declared);
  const events = recordEvents(scheduler);
  running.push(scheduler);
  await scheduler.start();
  return { scheduler, events };
}

/** Lets virtual time pass; each step is over when everything that came due in it has run. */
async function pass(ms: number, observer: Scheduler): Promise<void> {
  for (let left = ms; left > 0; left -= STEP_MS) {
    clock.advance(STEP_MS);
    for (let turn = 0; turn < 100; turn += 1) {
      await settle();
      const { tasks } = await observer.inspection.getTaskInfos({ limit: 100 });
      if (tasks.every(({ state, nextRunTime }) => state !== 'running' && nextRunTime!.getTime() > clock.now())) break;
      // What another one looked at first is left for a moment.
      clock.advance(1);
    }
    clock.set(START + Math.round((clock.now() - START) / STEP_MS) * STEP_MS);
  }
}

const grid = (seconds: number, from: number, to: number) =>
  Array.from({ length: Math.floor(to / (seconds * 1_000)) }, (_, at) => (at + 1) * seconds * 1_000).filter(
    (time) => time > from && time <= to,
  );

describe('two versions of the code side by side', () => {
  it(
    'lose, double and fail no run in an hour, with other handlers and other triggers',
    { timeout: 120_000 },
    async () => {
      const minute = 60_000;
      const first = await deploy(
        'v1',
        ['shared', 'old'],
        [every('shared', 'shared', 10), every('old', 'old', 15), every('changed', 'shared', 20)],
      );
      await pass(minute, first.scheduler);
      const second = await deploy(
        'v2',
        ['shared', 'fresh'],
        [
          every('shared', 'shared', 10),
          every('fresh', 'fresh', 15),
          every('changed', 'shared', 30),
          // Of a kind that the first version has never heard of, for a handler that it has.
          {
            ...every('novel', 'shared', 30),
            trigger: { type: 'beat', seconds: 30, startAt: new Date(START + 90_000) } as never,
          },
        ],
        {
          beat: (data: TriggerData, context: TriggerContext) => new BeatTrigger(data, context),
        },
      );
      await pass(HOUR, second.scheduler);
      const end = HOUR + minute;
      const expected = {
        shared: grid(10, 0, end),
        old: grid(15, 0, end),
        // Added at a time of its own grid, which counts.
        fresh: grid(15, minute - 1, end),
        changed: [...grid(20, 0, minute), ...grid(30, minute, end)],
        novel: grid(30, minute, end),
      };
      const events = [...first.events, ...second.events];
      const faults = events.filter(({ name }) => FAULTS.has(name));
      const ran = Object.keys(expected).map((id) => tally.of(id).length);
      const total = Object.values(expected).flat().length;
      console.log(`deploy    in memory  expected ${total}, started ${ran.reduce((sum, count) => sum + count, 0)}`);
      expect(Object.fromEntries(Object.keys(expected).map((id) => [id, tally.of(id)]))).toEqual(expected);
      expect(faults).toEqual([]);
    },
  );
});
