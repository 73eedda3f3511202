import { InvalidOptionError } from '../../errors/input.errors.js';
import type { Clock } from '../../model/clock.js';
import { namesOf } from '../../model/names.js';
import { isHeld, isUnreadable } from '../../model/task.js';
import type { TaskRecord } from '../../model/task.js';
import { checkCall, checkCount } from '../../scheduler/tasks/call.options.js';
import type { StoreHandle } from '../../scheduler/tasks/store.handle.js';
import type { StoreRegistry } from '../../scheduler/tasks/store.registry.js';
import { filteredStores } from '../../scheduler/tasks/task.filter.js';
import { taskPages } from '../../scheduler/tasks/task.pages.js';
import { WorkPace } from '../../scheduler/tasks/work.pace.js';
import { Deadline } from '../../time/deadline.js';
import { assertTimezone, toInstant, toMilliseconds } from '../../time/inputs.js';
import { TimeZone } from '../../time/time-zone.js';
import type { TriggerCache } from '../../triggers/trigger.cache.js';
import { measureRunTimes } from '../run.times.js';
import type { RunTimes } from '../run.times.js';
import type { Forecast, ForecastOptions } from './forecast.js';
import { LoadBuckets } from './load.buckets.js';
import { Outlook } from './outlook.js';
import { timesOf } from './task.times.js';

const FORECAST_OPTIONS = namesOf<keyof ForecastOptions>({
  store: 0,
  executor: 0,
  trigger: 0,
  handler: 0,
  tag: 0,
  q: 0,
  from: 0,
  to: 0,
  bucket: 0,
  zone: 0,
  limit: 0,
  maxTasks: 0,
  maxTimes: 0,
  sameSecond: 0,
  timeout: 0,
});

const DAY_MS = 86_400_000;

/** How far ahead is looked, in milliseconds. */
const MAX_RANGE_MS = 366 * DAY_MS;

/** How many tasks one question reads. */
const PAGE = 200;

/** How many runs are measured, and for how many tasks that seldom run their own are asked for. */
const MEASURED = { runs: 5_000, tasks: 300 };

interface ForecastServices {
  readonly timezone: string;
  readonly clock: Clock;
  readonly stores: StoreRegistry;
  readonly triggers: TriggerCache;
}

/** What is asked for, checked. */
interface Asked {
  readonly from: number;
  readonly to: number;
  readonly now: number;
  readonly deadline: Deadline;
  readonly maxTasks: number;
  readonly maxTimes: number;
}

/** Foretells when tasks run and what load that is, and changes nothing. */
export class Forecaster {
  constructor(private readonly services: ForecastServices) {}

  async forecast(options: ForecastOptions = {}): Promise<Forecast> {
    checkCall('forecast', options, FORECAST_OPTIONS);
    const { clock, timezone } = this.services;
    const { bucket = '1h', zone = timezone, limit = 200, maxTasks = 10_000, maxTimes = 20_000 } = options;
    const { sameSecond = 10, timeout = '10s', from, to, ...filter } = options;
    assertTimezone(zone, 'zone');
    checkCount('limit', limit, 0, 10_000);
    checkCount('maxTasks', maxTasks, 1, 100_000);
    checkCount('maxTimes', maxTimes, 1, 50_000);
    checkCount('sameSecond', sameSecond, 2, Number.MAX_SAFE_INTEGER);
    const now = clock.now();
    const start = from === undefined ? now : toInstant(from, 'from', zone);
    const end = to === undefined ? start + DAY_MS : toInstant(to, 'to', zone);
    if (end <= start || end - start > MAX_RANGE_MS)
      throw new InvalidOptionError('to', to, 'a time after "from", and at most 366 days after it');
    const bucketMs = toMilliseconds(bucket, 'bucket', { min: 60_000, max: MAX_RANGE_MS });
    const timeZone = TimeZone.get(zone);
    const outlook = new Outlook(new LoadBuckets(start, end, bucketMs, timeZone), { limit, sameSecond, from: start });
    const deadline = new Deadline(clock, toMilliseconds(timeout, 'timeout', { min: 100, max: 600_000 }));
    const asked = { from: start, to: end, now, deadline, maxTasks, maxTimes };
    const { bucket: _bucket, zone: _zone, limit: _limit, maxTasks: _tasks, maxTimes: _times, ...conditions } = filter;
    for (const stored of filteredStores(this.services.stores, conditions)) {
      const tasks = await this.#tasks(stored.handle, stored.conditions, asked, outlook);
      const { times } = await measureRunTimes({ store: stored.handle.activeStore }, tasks, { ...MEASURED, deadline });
      await this.#foretell(stored.handle, tasks, times, asked, outlook);
    }
    return { from: new Date(start), to: new Date(end), zone, ...(await outlook.result(timeZone)) };
  }

  async #tasks(
    handle: StoreHandle,
    conditions: Parameters<typeof taskPages>[1],
    { maxTasks, deadline }: Asked,
    outlook: Outlook,
  ): Promise<readonly TaskRecord[]> {
    const tasks: TaskRecord[] = [];
    const room = maxTasks - outlook.tasksLooked;
    let looked = 0;
    let isCut = room <= 0;
    if (!isCut) {
      for await (const page of taskPages(handle, conditions, PAGE)) {
        for (const task of page.slice(0, room - looked)) if (!isUnreadable(task)) tasks.push(task);
        looked += page.length;
        isCut = looked > room || deadline.isOver;
        if (looked >= room || deadline.isOver) break;
      }
    }
    if (isCut || looked >= room) {
      const { total } = await handle.activeStore.query(
        conditions,
        { by: 'id', descending: false },
        { offset: 0, limit: 0 },
      );
      const seen = Math.min(looked, Math.max(0, room));
      if (total > seen)
        outlook.leftOut.push(`Of the ${total} tasks of the store "${handle.alias}" ${seen} were looked at.`);
    }
    outlook.tasksLooked += looked;
    return tasks;
  }

  async #foretell(
    { alias }: StoreHandle,
    tasks: readonly TaskRecord[],
    times: ReadonlyMap<string, RunTimes>,
    { from, to, now, maxTimes, deadline }: Asked,
    outlook: Outlook,
  ): Promise<void> {
    const pace = new WorkPace();
    let late = 0;
    let broken = 0;
    for (const task of tasks) {
      if (deadline.isOver) {
        late += 1;
        continue;
      }
      if (isHeld(task.definition, task.state) || task.state.exhausted) continue;
      try {
        const trigger = this.services.triggers.get(task.definition.trigger);
        if (trigger.advance !== 'schedule') outlook.unforeseen += 1;
        // What follows the end of its own runs has one time that is known.
        const range = { from, to, now, most: trigger.advance === 'schedule' ? maxTimes - outlook.timesFound : 1 };
        const found = await timesOf(task, trigger, range, pace);
        outlook.add(alias, task, found, times.get(task.id) ?? null);
      } catch {
        broken += 1;
      }
      if (pace.step()) await pace.rest();
    }
    if (late > 0) outlook.leftOut.push(`There was no time to look at ${late} tasks of the store "${alias}".`);
    if (broken > 0)
      outlook.leftOut.push(`The triggers of ${broken} tasks of the store "${alias}" cannot be asked: see diagnose().`);
  }
}
