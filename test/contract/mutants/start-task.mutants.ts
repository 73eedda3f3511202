import { isOfKind } from '../../../lib/model/start-tasks.js';
import type { StartTaskKind, StartTaskPage, StartTaskPageRequest } from '../../../lib/model/start-tasks.js';
import { isUnreadable } from '../../../lib/model/task.js';
import type { StoredTask, TaskRecord } from '../../../lib/model/task.js';
import { HostStore } from '../../support/host.store.js';
import type { Mutant } from './mutant.interface.js';

const SECTION = 'tasks of a start:';
const KINDS = `${SECTION} finds what the code declares and what follows a start or a stop, as a lookup gives it, and nothing else`;
const CHANGES = `${SECTION} finds a task as it has become, and not one that was removed`;
const PAGES = `${SECTION} finds each once by pages, although those of earlier pages are removed and others are added`;

const byId = (a: StoredTask, b: StoredTask) => (a.id < b.id ? -1 : 1);

export const START_TASK_MUTANTS: readonly Mutant[] = [
  {
    fault: 'only what the code declares is found among the tasks of a start',
    create: class extends HostStore {
      override async startTasks(kind: StartTaskKind, page: StartTaskPageRequest): Promise<StartTaskPage> {
        const { tasks, next } = await super.startTasks(kind, page);
        return { tasks: tasks.filter(({ definition }) => definition.origin === 'code'), next };
      }
    },
    caughtBy: [KINDS, CHANGES],
  },
  {
    fault: 'the tasks of a start are those that were of the kind when they were added',
    create: class extends HostStore {
      readonly #kinds = new Map<string, Pick<TaskRecord['definition'], 'origin' | 'trigger' | 'policies'>>();

      override async addTask(task: TaskRecord): Promise<void> {
        this.#kinds.set(task.id, task.definition);
        await super.addTask(task);
      }

      override async startTasks(kind: StartTaskKind): Promise<StartTaskPage> {
        const tasks = (await this.readAll()).filter((task): task is TaskRecord => {
          const added = this.#kinds.get(task.id);
          return !isUnreadable(task) && added !== undefined && isOfKind(added, kind);
        });
        return { tasks, next: null };
      }
    },
    caughtBy: [CHANGES],
  },
  {
    fault: 'a page of the tasks of a start begins behind so many others',
    create: class extends HostStore {
      override async startTasks(
        kind: StartTaskKind,
        { limit, cursor = '0' }: StartTaskPageRequest,
      ): Promise<StartTaskPage> {
        const all = await this.readAll();
        const found = all.filter((task): task is TaskRecord => !isUnreadable(task) && isOfKind(task.definition, kind));
        const end = Number(cursor) + limit;
        const tasks = found.sort(byId).slice(Number(cursor), end);
        return { tasks, next: found.length > end ? String(end) : null };
      }
    },
    caughtBy: [PAGES],
  },
  {
    fault: 'a record that cannot be read ends the tasks of a start',
    create: class extends HostStore {
      override async startTasks(kind: StartTaskKind, { limit, cursor }: StartTaskPageRequest): Promise<StartTaskPage> {
        const all = (await this.readAll()).sort(byId).filter(({ id }) => id > (cursor ?? ''));
        const end = all.findIndex(isUnreadable);
        const found = (end < 0 ? all : all.slice(0, end)).filter(
          (task): task is TaskRecord => !isUnreadable(task) && isOfKind(task.definition, kind),
        );
        const tasks = found.slice(0, limit);
        return { tasks, next: found.length > limit ? tasks.at(-1)!.id : null };
      }
    },
    caughtBy: ['a damaged record: is not found among the tasks of a start, and hides none of those behind it'],
  },
];
