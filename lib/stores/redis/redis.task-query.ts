import type { PageRequest, StoredTaskFilter, StoredTaskPage, TaskSort } from '../../model/query.js';
import { isOfKind, lifecycleOf } from '../../model/start-tasks.js';
import type { StartTaskKind, StartTaskPage, StartTaskPageRequest } from '../../model/start-tasks.js';
import { isUnreadable } from '../../model/task.js';
import type { StoredTask, TaskRecord } from '../../model/task.js';
import { matchesTask, queryTasks } from '../task-query.js';
import { readPlace } from './redis.place.js';
import { columnsOf, isMissing, parseParts } from './redis.records.js';
import type { StoredParts } from './redis.records.js';
import type { RedisRecordsCodec } from './redis.records-codec.js';
import type { RedisScripts } from './redis.scripts.js';

/** How often a page is put together anew because a record on it was not what its clear columns say. */
const MAX_ROUNDS = 10;

/**
 * Queries without payloads. Redis has no indexes to filter by, so the clear columns of all tasks are read, in small steps;
 * the definitions only of the page. The plain listing by next run time reads nothing but its page.
 */
export class RedisTaskQuery {
  constructor(
    private readonly scripts: RedisScripts,
    private readonly records: RedisRecordsCodec,
    private readonly readable: () => readonly string[],
  ) {}

  async all(): Promise<StoredTask[]> {
    const tasks = new Map<string, StoredTask>();
    for await (const rows of this.scripts.scan(true)) {
      for (const parts of rows) tasks.set(parts.id, this.records.decode(parts));
    }
    return [...tasks.values()];
  }

  /** The cursor is a member of START_TASKS. */
  async startTasks(kind: StartTaskKind, { limit, cursor = '' }: StartTaskPageRequest): Promise<StartTaskPage> {
    const { rows, next } = await this.scripts.startPage(lifecycleOf(kind) ?? '', cursor, limit);
    const tasks = rows
      .map((parts) => this.records.decode(parts))
      .filter((task): task is TaskRecord => !isUnreadable(task) && isOfKind(task.definition, kind));
    return { tasks, next };
  }

  async query(filter: StoredTaskFilter, sort: TaskSort, page: PageRequest): Promise<StoredTaskPage> {
    if (sort.by === 'nextRunTime' && Object.values(filter).every((condition) => condition === undefined)) {
      const listed = await this.scripts.page(page.offset, page.limit, sort.descending);
      // A record that was put there by hand is in no index.
      if (listed.total === listed.known) {
        return { tasks: listed.rows.map((parts) => this.records.decode(parts)), total: listed.total };
      }
    }
    // Whether a record was damaged is only seen by reading it.
    if (filter.state === 'unreadable') return queryTasks(await this.all(), filter, sort, page);
    return this.#pageOf(await this.#shadows(filter), filter, sort, page);
  }

  /** The tasks that match as far as their clear columns tell. */
  async #shadows(filter: StoredTaskFilter): Promise<Map<string, StoredTask>> {
    const readable = new Set(this.readable());
    const found = new Map<string, StoredTask>();
    for await (const rows of this.scripts.scan(false)) {
      for (const parts of rows) {
        const shadow = shadowOf(parts, readable);
        if (matchesTask(shadow, filter)) found.set(parts.id, shadow);
        else found.delete(parts.id);
      }
    }
    return found;
  }

  async #pageOf(
    found: Map<string, StoredTask>,
    filter: StoredTaskFilter,
    sort: TaskSort,
    page: PageRequest,
  ): Promise<StoredTaskPage> {
    const read = new Set<string>();
    for (let round = 1; ; round += 1) {
      const { tasks, total } = queryTasks(found.values(), filter, sort, page);
      const unread = tasks.filter(({ id }) => !read.has(id)).map(({ id }) => id);
      if (unread.length === 0 || round > MAX_ROUNDS) return { tasks: tasks.filter(({ id }) => read.has(id)), total };
      for (const parts of (await this.scripts.read(unread)).rows) {
        read.add(parts.id);
        if (isMissing(parts)) found.delete(parts.id);
        else found.set(parts.id, this.records.decode(parts));
      }
    }
  }
}

/** A task as its clear columns show it: enough to filter and to sort by, and nothing else. */
function shadowOf(parts: StoredParts, readable: ReadonlySet<string>): StoredTask {
  const row = parseParts(parts)?.row;
  if (!row || !readable.has(row.codec)) {
    return {
      id: parts.id,
      unreadable: row ? 'wrong-key' : 'damaged',
      message: '',
      handler: columnsOf(parts.definition)?.[1] ?? null,
      nextRunTime: readPlace(parts.state, parts.taken)?.place.nextRunTime ?? null,
    };
  }
  const { id, name, handler, executor, trigger, tags, priority, paused, running, finished, nextRunTime } = row;
  const declared = row.disabled ? { disabled: true } : null;
  return {
    id,
    version: row.version,
    definition: { name, handler, executor, trigger: { type: trigger }, tags, policies: { priority }, declared },
    state: {
      nextRunTime,
      pause: paused ? {} : null,
      exhausted: finished,
      live: Array.from({ length: running }, () => ({ status: 'running' })),
      // It counts as running already.
      lease: null,
    },
  } as unknown as TaskRecord;
}
