import { TaskNotFoundError } from '../../../lib/errors/task.errors.js';
import { isUnreadable } from '../../../lib/model/task.js';
import type { StoredTask, TaskRecord } from '../../../lib/model/task.js';
import type { AddOptions, Transacted } from '../../../lib/stores/store.interface.js';
import type { Selection } from '../../../lib/stores/selection.interface.js';
import type { Apply } from '../../../lib/model/change.js';
import { HostStore } from '../../support/host.store.js';
import type { Mutant } from './mutant.interface.js';

const KEEPS_REGISTRY = 'schedulers and wake-ups: keeps heartbeats and internal records when all tasks are removed';

export const TASK_MUTANTS: readonly Mutant[] = [
  {
    fault: 'how arguments were given, and for which version of a schema, is not kept',
    create: class extends HostStore {
      protected override write(task: TaskRecord): Promise<void> {
        return super.write({ ...task, definition: { ...task.definition, input: 'args', schemaVersion: null } });
      }
    },
    caughtBy: ['tasks: gives back a task as it was added, in every field'],
  },
  {
    fault: 'an add overwrites the task that is there',
    create: class extends HostStore {
      override async addTask(task: TaskRecord): Promise<void> {
        await this.write(task);
      }
    },
    caughtBy: [
      'tasks: refuses a second task with the same id and keeps the first',
      'a damaged record: takes its id as taken',
    ],
  },
  {
    fault: 'an add looks and writes without a lock',
    create: class extends HostStore {
      override async addTask(task: TaskRecord, options?: AddOptions): Promise<void> {
        const other = (await this.read(task.id)) === null;
        await super.addTask(other ? task : { ...task }, options).catch(async (error: unknown) => {
          if (!other) throw error;
          await this.write(task);
        });
      }
    },
    caughtBy: ['tasks: lets one of many adds of the same id at the same time succeed'],
  },
  {
    fault: 'an add of many drops what is there already without naming it',
    create: class extends HostStore {
      override async addTasks(tasks: readonly TaskRecord[]): Promise<readonly string[]> {
        await super.addTasks(tasks);
        return [];
      }
    },
    caughtBy: [
      'tasks: adds many at once and names the ids that were there already',
      'tasks: names an id that is given twice in one add of many, and keeps the first',
    ],
  },
  {
    fault: "an add of many forgets the caller's transaction",
    create: class extends HostStore {
      override addTasks(tasks: readonly TaskRecord[]): Promise<readonly string[]> {
        return super.addTasks(tasks);
      }
    },
    caughtBy: ["adds in the caller's transaction: are many at once as well"],
  },
  {
    fault: 'an update does not look at the version',
    create: class extends HostStore {
      protected override assertReplaceable(id: string, stored: StoredTask | null): asserts stored is TaskRecord {
        const version = stored && !isUnreadable(stored) ? stored.version : 0;
        super.assertReplaceable(id, stored, version);
      }
    },
    caughtBy: [
      'tasks: refuses to replace another version than the expected one',
      'tasks: lets one of many replacements of the same version at the same time succeed',
      'changes in one step: refuses a replacement that was based on what was there before',
    ],
  },
  {
    fault: 'an update overwrites a record that cannot be read',
    create: class extends HostStore {
      override async updateTask(task: TaskRecord, expectedVersion: number): Promise<void> {
        const stored = await this.read(task.id);
        if (stored !== null && isUnreadable(stored)) await this.write(task);
        else await super.updateTask(task, expectedVersion);
      }
    },
    caughtBy: ['a damaged record: is not replaced by an update'],
  },
  {
    fault: 'an update says of a record that cannot be read that it is not there',
    create: class extends HostStore {
      override async updateTask(task: TaskRecord, expectedVersion: number): Promise<void> {
        const stored = await this.read(task.id);
        if (stored !== null && isUnreadable(stored)) throw new TaskNotFoundError(task.id);
        await super.updateTask(task, expectedVersion);
      }
    },
    caughtBy: ['a damaged record: is not replaced by an update'],
  },
  {
    fault: 'an update adds what is not there',
    create: class extends HostStore {
      override async updateTask(task: TaskRecord, expectedVersion: number): Promise<void> {
        if ((await this.read(task.id)) === null) await this.write(task);
        else await super.updateTask(task, expectedVersion);
      }
    },
    caughtBy: ['tasks: refuses to replace a task that is not there'],
  },
  {
    fault: 'an update keeps the old definition',
    create: class extends HostStore {
      override async updateTask(task: TaskRecord, expectedVersion: number): Promise<void> {
        const old = await this.read(task.id);
        const definition = old && !isUnreadable(old) ? old.definition : task.definition;
        await super.updateTask({ ...task, definition }, expectedVersion);
      }
    },
    caughtBy: [
      'tasks: replaces a task as a whole and keeps the version that it was given',
      'changes in one step: changes the definition too',
      'ends of runs: keeps an edit that is made elsewhere while the run goes on',
    ],
  },
  {
    fault: 'a lookup of what is not there gives undefined',
    create: class extends HostStore {
      override async lookupTask(id: string): Promise<StoredTask | null> {
        return (await super.lookupTask(id)) ?? (undefined as unknown as null);
      }
    },
    caughtBy: [
      'tasks: gives null for an unknown id',
      'changes in one step: deletes a task',
      'a damaged record: can be deleted, and its id used again',
    ],
  },
  {
    fault: 'a deletion always says that the task was there',
    create: class extends HostStore {
      override async deleteTask(id: string): Promise<boolean> {
        await super.deleteTask(id);
        return true;
      }
    },
    caughtBy: ['tasks: deletes a task, and says whether it was there'],
  },
  {
    fault: 'removing all tasks does not count them',
    create: class extends HostStore {
      override async removeAllTasks(): Promise<number> {
        await super.removeAllTasks();
        return 0;
      }
    },
    caughtBy: [
      'tasks: removes all tasks, and says how many there were',
      'a damaged record: goes when all tasks are removed',
    ],
  },
  {
    fault: 'removing all tasks removes what schedulers keep for themselves',
    create: class extends HostStore {
      override async removeAllTasks(): Promise<number> {
        const count = await super.removeAllTasks();
        this.disk.rows.clear();
        return count;
      }
    },
    caughtBy: [KEEPS_REGISTRY],
  },
  {
    fault: 'removing all tasks counts what schedulers keep for themselves',
    create: class extends HostStore {
      override async removeAllTasks(): Promise<number> {
        const internal = [...this.disk.rows.keys()].filter((id) => this.isInternal(id));
        return (await super.removeAllTasks()) + internal.length;
      }
    },
    caughtBy: [KEEPS_REGISTRY],
  },
  {
    fault: 'a field of the policies is lost',
    create: class extends HostStore {
      protected override write(task: TaskRecord): Promise<void> {
        const policies = { ...task.definition.policies, retry: null };
        return super.write({ ...task, definition: { ...task.definition, policies } });
      }
    },
    caughtBy: ['tasks: gives back a task as it was added, in every field'],
  },
  {
    fault: 'until when the key of a task is throttled is lost',
    create: class extends HostStore {
      override addTask(task: TaskRecord, options?: AddOptions): Promise<void> {
        const { throttledUntil: _lost, ...definition } = task.definition;
        return super.addTask({ ...task, definition }, options);
      }
    },
    caughtBy: ['tasks: gives back a task as it was added, in every field'],
  },
  {
    fault: 'the trace that a task was added under is lost',
    create: class extends HostStore {
      override addTask(task: TaskRecord, options?: AddOptions): Promise<void> {
        const { trace: _lost, ...definition } = task.definition;
        return super.addTask({ ...task, definition }, options);
      }
    },
    caughtBy: ['tasks: gives back a task as it was added, in every field'],
  },
  {
    fault: 'ids are compared without regard to case',
    create: class extends HostStore {
      protected override read(id: string): Promise<StoredTask | null> {
        const found = [...this.disk.rows.keys()].find((key) => key.toLowerCase() === id.toLowerCase());
        return super.read(found ?? id);
      }
    },
    caughtBy: ['values and ids: keeps apart whatever ids there are'],
  },
  {
    fault: 'arguments are written as plain JSON',
    create: class extends HostStore {
      protected override write(task: TaskRecord): Promise<void> {
        const args = JSON.parse(
          JSON.stringify(task.definition.args, (_, value: unknown) =>
            typeof value === 'bigint' ? Number(value) : value,
          ),
        ) as unknown[];
        return super.write({ ...task, definition: { ...task.definition, args } });
      }
    },
    caughtBy: ['date', 'map', 'set', 'bytes', 'bigint', 'numbers', 'flags', 'nested'].map(
      (kind) => `values and ids: keeps arguments and results: ${kind}`,
    ),
  },
  {
    fault: 'text is cut at 65,535 bytes',
    create: class extends HostStore {
      protected override write(task: TaskRecord): Promise<void> {
        const args = task.definition.args.map((value) => (typeof value === 'string' ? value.slice(0, 65_535) : value));
        return super.write({ ...task, definition: { ...task.definition, args } });
      }
    },
    caughtBy: ['values and ids: keeps large arguments'],
  },
  {
    fault: 'text is trimmed and empty text is null',
    create: class extends HostStore {
      protected override write(task: TaskRecord): Promise<void> {
        const { definition } = task;
        const args = definition.args.map((value) => (typeof value === 'string' ? value.trim() || null : value));
        return super.write({ ...task, definition: { ...definition, args, name: definition.name.slice(0, 3) } });
      }
    },
    caughtBy: [
      'values and ids: keeps arguments and results: empty',
      'values and ids: keeps handlers, names, tags and owners of any kind',
    ],
  },
  {
    fault: 'text in arguments is turned into well-formed Unicode',
    create: class extends HostStore {
      protected override write(task: TaskRecord): Promise<void> {
        const args = task.definition.args.map((value) =>
          typeof value === 'string' ? Buffer.from(value).toString() : value,
        );
        return super.write({ ...task, definition: { ...task.definition, args } });
      }
    },
    caughtBy: ['values and ids: keeps arguments and results: text'],
  },
  {
    fault: 'what is given out is what is kept',
    create: class extends HostStore {
      readonly #cache = new Map<string, StoredTask>();
      protected override decode(text: string): StoredTask {
        const cached = this.#cache.get(text);
        if (cached) return cached;
        const task = super.decode(text);
        this.#cache.set(text, task);
        return task;
      }
    },
    caughtBy: ['values and ids: is not changed by what happens to a task that it gave'],
  },
  {
    fault: 'what is handed in is what is kept',
    create: class extends HostStore {
      readonly #handedIn = new Map<string, TaskRecord>();
      protected override async write(task: TaskRecord): Promise<void> {
        await super.write(task);
        this.#handedIn.set(task.id, task);
      }
      protected override async read(id: string): Promise<StoredTask | null> {
        const stored = await super.read(id);
        const own = this.#handedIn.get(id);
        return stored && own && !isUnreadable(stored) ? { ...stored, state: own.state } : stored;
      }
    },
    caughtBy: ['values and ids: is not changed by what happens to a task after it was handed in'],
  },
  {
    fault: 'a change of two tasks at once does not name the missing ones',
    create: class extends HostStore {
      override async transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
        return { ...(await super.transact(selection, apply)), missing: [] };
      }
    },
    caughtBy: ['changes in one step: names the ids that are not there'],
  },
];
