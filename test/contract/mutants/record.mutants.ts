import { isUnreadable } from '../../../lib/model/task.js';
import type { StoredTask, TaskRecord, UnreadableTask } from '../../../lib/model/task.js';
import type { Transacted } from '../../../lib/stores/store.interface.js';
import type { Selection } from '../../../lib/stores/selection.interface.js';
import type { Apply } from '../../../lib/model/change.js';
import { HostStore } from '../../support/host.store.js';
import { createStoreContext } from '../../../lib/testing/store-context.js';
import { makeTask } from '../../../lib/testing/task.fixtures.js';
import type { Mutant } from './mutant.interface.js';

export const RECORD_MUTANTS: readonly Mutant[] = [
  {
    fault: 'a record that cannot be read is deleted',
    create: class extends HostStore {
      protected override decode(text: string): StoredTask {
        const task = super.decode(text);
        if (isUnreadable(task)) this.disk.rows.delete(task.id);
        return task;
      }
    },
    caughtBy: ['a damaged record: lists it with its reason, and reports it', 'a damaged record: takes its id as taken'],
  },
  {
    fault: 'a record that cannot be read is not seen',
    create: class extends HostStore {
      protected override async readAll(): Promise<StoredTask[]> {
        return (await super.readAll()).filter((task) => !isUnreadable(task));
      }
    },
    caughtBy: ['a damaged record: lists it with its reason, and reports it'],
  },
  {
    fault: 'a record that cannot be read is not reported',
    create: class extends HostStore {
      protected override get context() {
        return { ...super.context, reportUnreadable: () => {} };
      }
    },
    caughtBy: ['a damaged record: lists it with its reason, and reports it'],
  },
  {
    fault: 'a record that cannot be read counts as due next',
    create: class extends HostStore {
      override async getNextRunTime(): Promise<number | null> {
        const times = (await this.readAll()).flatMap((task) =>
          isUnreadable(task) ? [task.nextRunTime ?? Infinity] : [this.earliestOf([task]) ?? Infinity],
        );
        const earliest = Math.min(Infinity, ...times);
        return earliest === Infinity ? null : earliest;
      }
    },
    caughtBy: ['a damaged record: never counts it due and does not let it hold up others'],
  },
  {
    fault: 'a record that cannot be read makes every reading of it fail',
    create: class extends HostStore {
      protected override decode(text: string): StoredTask {
        const task = super.decode(text);
        if (isUnreadable(task)) throw new Error(task.message);
        return task;
      }
    },
    caughtBy: [
      'a damaged record: never counts it due and does not let it hold up others',
      'a damaged record: tells of it instead of changing it',
    ],
  },
  {
    fault: 'a record that cannot be read is remembered as such',
    create: class extends HostStore {
      readonly #bad = new Map<string, UnreadableTask>();
      protected override decode(text: string): StoredTask {
        const task = super.decode(text);
        if (isUnreadable(task)) this.#bad.set(task.id, task);
        return this.#bad.get(task.id) ?? task;
      }
    },
    caughtBy: ['a damaged record: is a task again, unchanged, when the cause is gone'],
  },
  {
    fault: 'a change of a record that cannot be read says that it is missing',
    create: class extends HostStore {
      override async transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
        const result = await super.transact(selection, apply);
        return { ...result, missing: [...result.missing, ...result.unreadable.map(({ id }) => id)], unreadable: [] };
      }
    },
    caughtBy: ['a damaged record: tells of it instead of changing it'],
  },
  {
    fault: 'a record is read however large it is',
    create: class extends HostStore {
      override async start(context: Parameters<HostStore['start']>[0]): Promise<void> {
        const { createCodec } = createStoreContext();
        await super.start({ ...context, createCodec });
      }
    },
    caughtBy: ["a record that is larger than what is read: is unreadable, in nobody's way, and stays as it is"],
  },
  {
    fault: 'what cannot be written is written as it can',
    create: class extends HostStore {
      protected override async write(task: TaskRecord): Promise<void> {
        try {
          await super.write(task);
        } catch {
          await super.write({ ...task, definition: { ...task.definition, args: ['?'] } });
        }
      }
    },
    caughtBy: [
      'values and ids: refuses arguments that cannot be written, and changes nothing',
      'values and ids: refuses a task that is larger than allowed, and changes nothing',
    ],
  },
  {
    fault: 'a run whose result cannot be written is not written',
    create: class extends HostStore {
      override saveRuns(runs: Parameters<HostStore['saveRuns']>[0]): void {
        super.saveRuns(runs.filter(({ result }) => typeof result !== 'function'));
      }
    },
    caughtBy: ['values and ids: keeps a run whose result cannot be written, with a note in its place'],
  },
  {
    fault: 'nothing is encrypted',
    encryption: 'encrypted',
    create: class extends HostStore {
      override async start(context: Parameters<HostStore['start']>[0]): Promise<void> {
        await super.start({ ...context, createCodec: () => context.createCodec({ encrypt: false }) });
      }
    },
    caughtBy: [
      "records of another key: are unreadable, in nobody's way, and readable again with their key",
      'encryption: hides arguments, results and errors from whoever reads what is stored',
    ],
  },
  {
    fault: 'a definition is written once and for all',
    encryption: 'encrypted',
    create: class extends HostStore {
      protected override write(task: TaskRecord): Promise<void> {
        const old = this.disk.rows.get(task.id);
        if (old === undefined) return super.write(task);
        const stored = this.decode(old);
        const same = !isUnreadable(stored) && JSON.stringify(stored.definition) === JSON.stringify(task.definition);
        if (!same) return super.write(task);
        const row = { ...(JSON.parse(old) as object), ...this.codec.encodeState(task) };
        this.disk.rows.set(task.id, JSON.stringify(row));
        return Promise.resolve();
      }
    },
    caughtBy: ['another key that writes: writes a definition that was made anew under it, and a state beside it'],
  },
  {
    fault: 'the data of all namespaces are one',
    create: class extends HostStore {
      override async getAllTasks(): Promise<readonly StoredTask[]> {
        return [...(await super.getAllTasks()), makeTask('elsewhere')];
      }
    },
    caughtBy: ['start and shutdown: sees nothing of the data of another namespace'],
  },
];
