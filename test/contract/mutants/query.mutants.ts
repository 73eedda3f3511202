import { isUnreadable } from '../../../lib/model/task.js';
import type { StoredTask } from '../../../lib/model/task.js';
import type { PageRequest, StoredTaskFilter, StoredTaskPage, TaskSort } from '../../../lib/model/query.js';
import { queryTasks } from '../../../lib/stores/task-query.js';
import { HostStore } from '../../support/host.store.js';
import type { Mutant } from './mutant.interface.js';

function bare(task: StoredTask): StoredTask {
  return isUnreadable(task) ? task : { ...task, definition: { ...task.definition, args: [], tags: [] } };
}

const ALL: PageRequest = { offset: 0, limit: 1_000_000 };

export const QUERY_MUTANTS: readonly Mutant[] = [
  {
    fault: 'the count of what is due goes on beyond its bound',
    create: class extends HostStore {
      override countDue(now: number): Promise<number> {
        return super.countDue(now, Infinity);
      }
    },
    caughtBy: ['order and due times: counts what is due, and no further than it is asked to'],
  },
  {
    fault: 'a query begins anew instead of after an id',
    create: class extends HostStore {
      override query(
        { after: _, ...filter }: StoredTaskFilter,
        sort: TaskSort,
        page: PageRequest,
      ): Promise<StoredTaskPage> {
        return super.query(filter, sort, page);
      }
    },
    caughtBy: ['queries: goes on after an id, whatever is removed and added before it'],
  },
  {
    fault: 'a query forgets the state',
    create: class extends HostStore {
      override query(
        { state: _, ...filter }: StoredTaskFilter,
        sort: TaskSort,
        page: PageRequest,
      ): Promise<StoredTaskPage> {
        return super.query(filter, sort, page);
      }
    },
    caughtBy: [
      'queries: filters by state',
      'queries: follows the state of a task',
      'queries: meets all conditions of a filter together',
      'a damaged record: lists it with its reason, and reports it',
    ],
  },
  {
    fault: 'a task that the code has disabled is told of as if it were not',
    create: class extends HostStore {
      override async query(filter: StoredTaskFilter, sort: TaskSort, page: PageRequest): Promise<StoredTaskPage> {
        const all = (await this.readAll()).map((task) =>
          isUnreadable(task) ? task : { ...task, definition: { ...task.definition, declared: null } },
        );
        const { tasks, total } = queryTasks(all, filter, sort, page);
        return { tasks: await Promise.all(tasks.map(async ({ id }) => (await this.read(id))!)), total };
      }
    },
    caughtBy: ['queries: tells a task that the code has disabled from all others'],
  },
  {
    fault: 'a query takes any task whose handler or tag has the text in it',
    create: class extends HostStore {
      override async query(
        { handler, tag, ...filter }: StoredTaskFilter,
        sort: TaskSort,
        page: PageRequest,
      ): Promise<StoredTaskPage> {
        const { tasks } = await super.query(filter, sort, ALL);
        const found = tasks.filter(
          (task) =>
            !isUnreadable(task) &&
            (handler === undefined || task.definition.handler.includes(handler)) &&
            (tag === undefined || task.definition.tags.join().includes(tag)),
        );
        return { tasks: found.slice(page.offset, page.offset + page.limit), total: found.length };
      }
    },
    caughtBy: ['queries: filters by handler, executor, trigger and tag, exactly'],
  },
  {
    fault: 'a query takes % and _ for wildcards, as LIKE does',
    create: class extends HostStore {
      override query({ q, ...filter }: StoredTaskFilter, sort: TaskSort, page: PageRequest): Promise<StoredTaskPage> {
        const text = q?.replaceAll(/[%_]/g, '');
        return super.query({ ...filter, ...(text && { q: text }) }, sort, page);
      }
    },
    caughtBy: [
      'queries: finds text in id, name, handler, trigger and executor, whatever its case, and takes no character for a wildcard',
    ],
  },
  {
    fault: 'ties are sorted by id in one direction only',
    create: class extends HostStore {
      override async query(filter: StoredTaskFilter, sort: TaskSort, page: PageRequest): Promise<StoredTaskPage> {
        if (!sort.descending) return super.query(filter, sort, page);
        const { tasks } = await super.query(filter, { by: 'id', descending: false }, ALL);
        const ascending = await super.query(filter, { ...sort, descending: false }, ALL);
        // A stable sort by the key alone: what a database does that is not told about ties.
        const rank = new Map(ascending.tasks.map((task, at) => [task.id, Math.floor(at / 2)]));
        const sorted = tasks.toSorted((a, b) => rank.get(b.id)! - rank.get(a.id)!);
        return { tasks: sorted.slice(page.offset, page.offset + page.limit), total: sorted.length };
      }
    },
    caughtBy: ['queries: sorts by every key in both directions, ties by id'],
  },
  {
    fault: 'the total is that of the page',
    create: class extends HostStore {
      override async query(filter: StoredTaskFilter, sort: TaskSort, page: PageRequest): Promise<StoredTaskPage> {
        const { tasks } = await super.query(filter, sort, page);
        return { tasks, total: tasks.length };
      }
    },
    caughtBy: [
      'queries: pages, and counts what is on all pages',
      'volume: adds, finds, claims and ends many tasks, each once',
    ],
  },
  {
    fault: 'a query leaves the arguments out',
    create: class extends HostStore {
      override async query(filter: StoredTaskFilter, sort: TaskSort, page: PageRequest): Promise<StoredTaskPage> {
        const { tasks, total } = await super.query(filter, sort, page);
        return { tasks: tasks.map(bare), total };
      }
    },
    caughtBy: ['queries: gives tasks as a lookup does'],
  },
];
