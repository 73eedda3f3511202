import type { SchedulerInstance } from '../../../lib/model/scheduler-instance.js';
import type { StoredTask, TaskRecord } from '../../../lib/model/task.js';
import type { Apply } from '../../../lib/model/change.js';
import type { Selection } from '../../../lib/stores/selection.interface.js';
import type { StoreCapabilities, Transacted } from '../../../lib/stores/store.interface.js';
import { HostStore } from '../../support/host.store.js';
import type { Mutant } from './mutant.interface.js';

export const MEMBER_MUTANTS: readonly Mutant[] = [
  {
    fault: "heartbeats carry the scheduler's clock",
    create: class extends HostStore {
      override async schedulers(): Promise<readonly SchedulerInstance[]> {
        return (await super.schedulers()).map((member) => Object.assign(member, { heartbeatAt: 0 }));
      }
    },
    caughtBy: ["schedulers and wake-ups: keeps each scheduler's last heartbeat, by the store's clock"],
  },
  {
    fault: 'whoever retires takes all others along',
    create: class extends HostStore {
      override async retire(): Promise<void> {
        for (const { identity } of await this.schedulers()) await super.retire(identity);
      }
    },
    caughtBy: ['schedulers and wake-ups: forgets a scheduler that has stopped, and no other'],
  },
  {
    fault: 'heartbeats are read, changed and written without a lock',
    create: class extends HostStore {
      override async heartbeat(instance: SchedulerInstance): Promise<void> {
        const members = (await this.schedulers()).filter(({ identity }) => identity !== instance.identity);
        await super.heartbeat(instance);
        for (const { identity } of await this.schedulers()) {
          const known = identity === instance.identity || members.some((member) => member.identity === identity);
          if (!known) await this.retire(identity);
        }
      }
    },
    caughtBy: ['schedulers and wake-ups: loses no heartbeat when many come at the same time'],
  },
  {
    fault: 'the record of who is there can be seen among the tasks',
    create: class extends HostStore {
      override async query(...[, , page]: Parameters<HostStore['query']>) {
        const tasks = await this.getAllTasks();
        return { tasks: tasks.slice(page.offset, page.offset + page.limit), total: tasks.length };
      }
    },
    caughtBy: ['schedulers and wake-ups: shows no trace of heartbeats among the tasks'],
  },
  {
    fault: 'wake-ups are promised and do not come',
    create: class extends HostStore {
      override wake(): void {}
    },
    caughtBy: ['schedulers and wake-ups: wakes the other schedulers where it says that wake-ups are pushed'],
  },
  {
    fault: 'nobody is told of a task that is added',
    create: class extends HostStore {
      protected override tellOf(): void {}
    },
    caughtBy: [
      'schedulers and wake-ups: wakes the other schedulers with a task that is added, where it says that wake-ups are pushed',
    ],
  },
  {
    fault: 'nobody is told of tasks that are added at once',
    create: class extends HostStore {
      #many = false;
      override async addTasks(...given: Parameters<HostStore['addTasks']>): Promise<readonly string[]> {
        this.#many = true;
        try {
          return await super.addTasks(...given);
        } finally {
          this.#many = false;
        }
      }
      protected override tellOf(tasks: readonly TaskRecord[]): void {
        if (!this.#many) super.tellOf(tasks);
      }
    },
    caughtBy: [
      'schedulers and wake-ups: wakes the other schedulers with tasks that are added at once, where it says that wake-ups are pushed',
    ],
  },
  {
    fault: 'a wake-up listener cannot be ended, and one that throws is heard by the one who wakes',
    create: class extends HostStore {
      override onWake(listener: () => void): () => void {
        this.disk.listeners.add(listener);
        return () => {};
      }
      override wake(): void {
        for (const listener of this.disk.listeners) listener();
      }
    },
    caughtBy: [
      'schedulers and wake-ups: does not call a wake-up listener that has ended, and survives one that throws',
    ],
  },
  {
    fault: 'what the store says of where it is is empty',
    create: class extends HostStore {
      readonly address = '';
    },
    caughtBy: ['start and shutdown: says where it is in one line, after a shutdown too, or nothing'],
  },
  {
    fault: 'durability is promised and a shutdown removes everything',
    create: class extends HostStore {
      override async shutdown(): Promise<void> {
        this.disk.rows.clear();
        await super.shutdown();
      }
    },
    caughtBy: [
      'start and shutdown: keeps everything over a restart where it says that it is durable',
      'start and shutdown: lets the runs of a process that was killed be taken over after a restart',
    ],
  },
  {
    fault: 'a shutdown closes what was handed in',
    create: class extends HostStore {
      override async shutdown(): Promise<void> {
        this.disk.open = false;
        await super.shutdown();
      }
    },
    caughtBy: ['a connection that was handed in: is used, and left open by a shutdown'],
  },
  {
    fault: 'the history is in memory, and the store says that it is kept',
    create: class extends HostStore {
      override async shutdown(): Promise<void> {
        super.pruneRuns({ before: Number.MAX_SAFE_INTEGER, keep: null, failedBefore: null, limit: 1_000 });
        await super.shutdown();
      }
    },
    caughtBy: ['start and shutdown: keeps the history over a restart, unless it says that it does not'],
  },
  {
    fault: 'a store that was shut down cannot be started again',
    create: class extends HostStore {
      override async shutdown(): Promise<void> {}
    },
    caughtBy: ['start and shutdown: can be started again after a shutdown'],
  },
  {
    fault: 'each scheduler sees its own copy of the tasks',
    create: class extends HostStore {
      #seen: StoredTask[] | null = null;
      protected override async readAll(): Promise<StoredTask[]> {
        return (this.#seen ??= await super.readAll());
      }
      protected override async write(task: TaskRecord): Promise<void> {
        await super.write(task);
        this.#seen = null;
      }
    },
    caughtBy: ['start and shutdown: shows every change to another scheduler at once'],
  },
  {
    fault: 'the clock gives fractions of milliseconds',
    create: class extends HostStore {
      override now(): number {
        return this.context.clock.now() + 0.5;
      }
    },
    caughtBy: ['start and shutdown: gives a clock that does not stand still or run away'],
  },
  {
    fault: "an add does not take part in the caller's transaction",
    create: class extends HostStore {
      override addTask(task: TaskRecord): Promise<void> {
        return super.addTask(task);
      }
    },
    caughtBy: ["adds in the caller's transaction: are there when it commits, and not when it rolls back"],
  },
  {
    fault: "a change does not take part in the caller's transaction",
    create: class extends HostStore {
      override transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
        return super.transact(selection, apply);
      }
    },
    caughtBy: [
      "changes in the caller's transaction: are there when it commits, and not when it rolls back",
      "changes in the caller's transaction: remove tasks and keep ended runs with the commit, and neither with a roll-back",
    ],
  },
  {
    fault: "the ended runs of a change in the caller's transaction are not kept",
    create: class extends HostStore {
      protected override keepHistory(): void {}
    },
    caughtBy: [
      "changes in the caller's transaction: remove tasks and keep ended runs with the commit, and neither with a roll-back",
    ],
  },
  {
    fault: 'wake-ups are promised by a store that serves one process',
    create: class extends HostStore {
      override readonly capabilities: StoreCapabilities = {
        coordination: 'process',
        wakeUp: 'pushed',
        transactionalAdds: true,
        durable: true,
      };
    },
    caughtBy: ['schedulers and wake-ups: wakes the other schedulers where it says that wake-ups are pushed'],
  },
];
