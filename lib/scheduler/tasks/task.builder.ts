import { InvalidOptionError, rejectUnknownOptions, UnknownNameError } from '../../errors/input.errors.js';
import { TriggerExhaustedError } from '../../errors/task.errors.js';
import { ImpossibleTriggerError } from '../../errors/trigger.errors.js';
import { INTERNAL_PREFIX } from '../../model/definition.js';
import type { TaskRecord } from '../../model/task.js';
import type { TaskOrigin, TriggerData } from '../../model/definition.js';
import type { TaskPolicies } from '../../model/task.policies.js';
import type { Observation } from '../../observe/meter/observation.js';
import { toInstant } from '../../time/inputs.js';
import type { BaseTrigger } from '../../triggers/base.trigger.js';
import { withinBudget } from '../../triggers/search-budget.js';
import type { TriggerCache } from '../../triggers/trigger.cache.js';
import type { TriggerRegistry } from '../../triggers/trigger.registry.js';
import { nextTimes } from '../plan/change.js';
import { declaredPause } from '../plan/reconcile.plan.js';
import type { TaskUpdate } from '../plan/update.plan.js';
import type { ExecutorRegistry } from '../loop/executor.registry.js';
import type { HandlerRegistry } from '../loop/handler.registry.js';
import type { BackoffRegistry } from '../loop/backoff.registry.js';
import { resolvePolicies } from './policy.reader.js';
import { isSameTrigger } from './same.trigger.js';
import { declarationOf } from './declaration.js';
import { checkLimits } from './limit.checks.js';
import { argsOf, changesInput, givesInput, inputKind } from './task.input.js';
import { ASKED_OPTIONS, CHANGE_OPTIONS, TASK_OPTIONS } from './task.options.js';
import type { TaskBaseOptions, TaskChanges, TaskSpec, TriggerInput } from './task.options.js';
import type { CheckedTrigger, TaskSeries } from './task.series.js';

/** What a task is checked against. */
interface TaskBuilderServices {
  readonly triggers: TriggerRegistry;
  readonly triggerCache: TriggerCache;
  readonly handlers: HandlerRegistry;
  readonly executors: ExecutorRegistry;
  readonly backoffs: BackoffRegistry;
  readonly observation: Pick<Observation, 'tracing'>;
  readonly taskDefaults: TaskPolicies;
  readonly timezone: string;
  /** False for a scheduler that runs nothing itself: the names are then known elsewhere. */
  readonly checkNames: boolean;
}

/** The tags of a task that is given none. */
const NO_TAGS: readonly string[] = [];

/** The trigger of a task that is given none. */
const ONCE: TriggerInput = { type: 'date' };

/** Makes tasks of what users give, and refuses what cannot be one, before anything is written. */
export class TaskBuilder {
  constructor(private readonly services: TaskBuilderServices) {}

  /**
   * @param series The tasks that are made with it.
   * @throws InvalidOptionError, UnknownOptionError, UnknownNameError, TriggerExhaustedError
   */
  build(options: TaskSpec, series: TaskSeries, origin: TaskOrigin = 'runtime'): TaskRecord {
    if (typeof options !== 'object' || options === null) throw new InvalidOptionError('task', options, 'an object');
    rejectUnknownOptions('a task', options, origin === 'runtime' ? ASKED_OPTIONS : TASK_OPTIONS);
    const { now } = series;
    const id = options.id === undefined ? series.newId() : checkId(options.id);
    const given = options.trigger ?? ONCE;
    const { trigger, data } = series.trigger(given, () => this.#checkedTrigger(given, now));
    const { executor = 'default' } = options;
    const handler = this.#checkHandler(options.handler, executor);
    const trace = origin === 'code' ? undefined : this.services.observation.tracing?.carried();
    const definition = checkLimits({
      id,
      name: checkName(options.name ?? handler),
      handler,
      args: argsOf(options),
      input: inputKind(options),
      schemaVersion: this.#schemaVersion(handler, options.schemaVersion),
      trigger: data,
      executor: this.#checkExecutor(executor),
      origin,
      tags: checkTags(options.tags ?? NO_TAGS),
      policies: resolvePolicies(options, this.services.taskDefaults, this.services.backoffs.names()),
      declared: null,
      ...(trace !== undefined && { trace }),
    });
    const paused = checkBoolean('paused', options.paused ?? false);
    // A time window in the code that has passed by the next deploy must not keep the application from starting.
    const state = series.state(this.#firstTimes(id, trigger, now, options.nextRunTime, origin === 'code'));
    const pause = paused ? { at: now, reason: null, actor: null } : null;
    return { id, definition, state: pause ? { ...state, pause } : state, version: 1 };
  }

  /**
   * A task that the code declares, as if it were new.
   *
   * @param previousIds The ids that it had before.
   * @param series The tasks that are made with it.
   * @throws As {@link build}.
   */
  buildDeclared(options: TaskSpec, previousIds: readonly string[], series: TaskSeries): TaskRecord {
    const task = this.build(options, series, 'code');
    const { definition, state } = task;
    const pause = state.pause && declaredPause(series.now);
    const given = options.trigger ?? ONCE;
    const timeless = series.timeless(given, () => this.#timeless(given));
    const prints = declarationOf(definition, timeless, pause !== null);
    const declared = previousIds.length > 0 ? { ...prints, previousIds } : prints;
    return { ...task, definition: { ...definition, declared }, state: { ...state, pause } };
  }

  /**
   * Whether the trigger of a stored task is the one that is given.
   *
   * @param fresh The given one as it is made now.
   */
  isSameTrigger({ definition }: TaskRecord, given: TriggerInput = ONCE, fresh: TriggerData): boolean {
    return isSameTrigger(definition.trigger, fresh, this.#timeless(given));
  }

  /** What a trigger resolves to whenever it is declared: one that has no start begins at its creation. */
  #timeless(given: TriggerInput): TriggerData {
    const { triggers, timezone } = this.services;
    return triggers.create(given as TriggerData, { now: 0, timezone }).toJSON();
  }

  /**
   * What the changes make of a task.
   *
   * @param now The store's clock, in milliseconds since the epoch.
   * @throws InvalidOptionError, UnknownOptionError, UnknownNameError, TriggerExhaustedError
   */
  update(task: TaskRecord, changes: TaskChanges, now: number): TaskUpdate {
    if (typeof changes !== 'object' || changes === null) throw new InvalidOptionError('changes', changes, 'an object');
    rejectUnknownOptions('a change of a task', changes, CHANGE_OPTIONS);
    const old = task.definition;
    const trigger = changes.trigger === undefined ? null : this.createTrigger(changes.trigger, now);
    const executor = changes.executor === undefined ? old.executor : this.#checkExecutor(changes.executor);
    const definition = checkLimits({
      ...old,
      ...(changes.name !== undefined && { name: checkName(changes.name) }),
      ...(changes.handler !== undefined && { handler: this.#checkHandler(changes.handler, executor) }),
      ...(givesInput(changes) && { args: argsOf(changes), input: inputKind(changes) }),
      ...(changesInput(changes) && {
        schemaVersion: this.#schemaVersion(changes.handler ?? old.handler, changes.schemaVersion),
      }),
      ...(trigger !== null && { trigger: trigger.toJSON() }),
      executor,
      ...(changes.tags !== undefined && { tags: checkTags(changes.tags) }),
      policies: resolvePolicies(changes, old.policies, this.services.backoffs.names()),
    });
    const reschedules = trigger !== null || changes.nextRunTime !== undefined;
    const current = trigger ?? (reschedules ? this.triggerOf(task) : null);
    return {
      definition,
      isNewTrigger: trigger !== null,
      times: current && this.#firstTimes(task.id, current, now, changes.nextRunTime),
    };
  }

  /** The trigger of a task as it is stored. */
  triggerOf(task: TaskRecord): BaseTrigger {
    return this.services.triggerCache.get(task.definition.trigger);
  }

  /**
   * The first run of a trigger from now on.
   *
   * @throws TriggerExhaustedError When there is none, unless that is allowed.
   */
  #firstTimes(
    taskId: string,
    trigger: BaseTrigger,
    now: number,
    first?: TaskBaseOptions['nextRunTime'],
    mayBeExhausted = false,
  ): ReturnType<typeof nextTimes> {
    if (first !== undefined) {
      const at = toInstant(first, 'nextRunTime', this.services.timezone);
      return nextTimes({ scheduledTime: at, runTime: at });
    }
    // Moved by the start or the stop of a scheduler: never due by the clock, and not exhausted either.
    if (trigger.advance === 'startup' || trigger.advance === 'shutdown') {
      return { ...nextTimes(null), exhausted: false };
    }
    const next = trigger.nextOccurrence(null, now, { taskId });
    if (next === null && !mayBeExhausted) throw new TriggerExhaustedError(taskId, trigger.describe());
    return nextTimes(next);
  }

  #checkedTrigger(given: TriggerInput, now: number): CheckedTrigger {
    const trigger = this.createTrigger(given, now);
    return { trigger, data: trigger.toJSON() };
  }

  /** @throws InvalidOptionError, UnknownOptionError, UnknownNameError, ImpossibleTriggerError */
  createTrigger(given: TriggerInput, now: number): BaseTrigger {
    const data = given as TriggerData | BaseTrigger;
    if (typeof data !== 'object' || data === null) {
      throw new InvalidOptionError('trigger', data, 'an object with a "type"');
    }
    const { triggers, timezone } = this.services;
    return withinBudget(() => {
      const trigger = triggers.create(data, { now, timezone, strict: true });
      const reason = trigger.impossible();
      if (reason !== null) throw new ImpossibleTriggerError(trigger.describe(), reason);
      return trigger;
    });
  }

  /** The version that arguments are stored with: that of the handler here, unless another one is given. */
  #schemaVersion(handler: string, given: number | undefined): number | null {
    const { handlers } = this.services;
    const own = handlers.versionOf(handler);
    if (given === undefined) return own;
    const most = handlers.isHere(handler) ? (own ?? 1) : Number.MAX_SAFE_INTEGER;
    if (Number.isSafeInteger(given) && given >= 1 && given <= most) return given;
    const limit = handlers.isHere(handler) ? ` to ${most}, the version of handler "${handler}" here` : '';
    throw new InvalidOptionError('schemaVersion', given, `a whole number from 1${limit}`);
  }

  /** @param executor The alias of the executor that is to call it, which was checked. */
  #checkHandler(name: string, executor: string): string {
    const { handlers, executors, checkNames } = this.services;
    if (typeof name !== 'string' || name === '') throw new InvalidOptionError('handler', name, 'the name of a handler');
    // That of a task that is changed may have been removed.
    const elsewhere = checkNames && executors.has(executor) ? executors.handlersOf(executor) : 'unknown';
    if (elsewhere === null && !handlers.isHere(name)) throw handlers.unknown(name);
    if (Array.isArray(elsewhere) && !elsewhere.includes(name)) {
      throw new UnknownNameError('handler', name, elsewhere, `It is not in the module of executor "${executor}".`);
    }
    return name;
  }

  #checkExecutor(alias: string): string {
    const { executors, checkNames } = this.services;
    if (typeof alias !== 'string' || alias === '') {
      throw new InvalidOptionError('executor', alias, 'the alias of an executor');
    }
    if (checkNames && !executors.has(alias)) throw new UnknownNameError('executor', alias, executors.aliases());
    return alias;
  }
}

/** The longest id that every database keeps whole in an indexed column. */
const MAX_ID_LENGTH = 255;

function checkId(id: unknown): string {
  if (typeof id !== 'string' || id === '' || id.length > MAX_ID_LENGTH || id.includes('\0')) {
    throw new InvalidOptionError('id', id, `a text of 1 to ${MAX_ID_LENGTH} characters without NUL`);
  }
  // Databases keep UTF-8, which has no lone half of a surrogate pair.
  if (/\p{Surrogate}/u.test(id)) throw new InvalidOptionError('id', id, 'well-formed Unicode');
  if (id.startsWith(INTERNAL_PREFIX))
    throw new InvalidOptionError('id', id, `one that does not begin with "${INTERNAL_PREFIX}"`);
  return id;
}

function checkName(name: unknown): string {
  if (typeof name !== 'string' || name.trim() === '' || name.length > MAX_ID_LENGTH) {
    throw new InvalidOptionError('name', name, `a text of 1 to ${MAX_ID_LENGTH} characters`);
  }
  return name;
}

function checkTags(tags: unknown): readonly string[] {
  if (!Array.isArray(tags) || tags.some((tag) => typeof tag !== 'string' || tag === '')) {
    throw new InvalidOptionError('tags', tags, 'an array of texts that are not empty');
  }
  return tags.length === 0 ? NO_TAGS : [...new Set(tags as string[])];
}

function checkBoolean(option: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw new InvalidOptionError(option, value, 'true or false');
  return value;
}
