import { InvalidOptionError } from '../errors/input.errors.js';
import { DuplicateNameError } from '../errors/scheduler.errors.js';
import { EventDispatcher } from '../events/event.dispatcher.js';
import { Lifecycles } from '../executors/lifecycle.js';
import { AsyncExecutor } from '../executors/async.executor.js';
import { Observation } from '../observe/meter/observation.js';
import { DEFAULT_POLICIES } from '../model/task.policies.js';
import { resolvePolicies } from './tasks/policy.reader.js';
import { Doctor } from '../observe/doctor/doctor.js';
import { Forecaster } from '../observe/forecast/forecaster.js';
import { STEP_VALUES } from '../persistence/step.values.js';
import { maxTaskStepBytes } from '../model/step.bounds.js';
import { readOnlyStore } from '../stores/read-only.store.js';
import { MemoryStore } from '../stores/memory/memory.store.js';
import type { Store } from '../stores/store.interface.js';
import { StoreClock } from '../time/store.clock.js';
import { TriggerCache } from '../triggers/trigger.cache.js';
import { TriggerRegistry } from '../triggers/trigger.registry.js';
import { InputDirectory } from './cluster/input.directory.js';
import { ClaimLoop } from './loop/claim.loop.js';
import { ExecutorRegistry } from './loop/executor.registry.js';
import { HandlerRegistry } from './loop/handler.registry.js';
import { resolveSchedulerOptions } from './resolved.options.js';
import type { ResolvedSchedulerOptions } from './resolved.options.js';
import type { SchedulerOptions } from './scheduler.options.js';
import { StoreProbes } from '../observe/health/store.probes.js';
import { InputChecks } from './tasks/input.checks.js';
import { LifePhase } from './tasks/life.phase.js';
import { JournalNotes } from './plan/journal.notes.js';
import { JournalFollower } from './tasks/journal.follower.js';
import { JournalInspection } from './tasks/journal.inspection.js';
import { PendingTasks } from './tasks/pending.tasks.js';
import { RunControl } from './tasks/run.control.js';
import { BulkOperations } from './tasks/bulk.operations.js';
import { RunOutputs } from './tasks/run.outputs.js';
import { RunWaits } from './tasks/run.waits.js';
import { StoreContexts } from './tasks/store.contexts.js';
import { StoreHandle } from './tasks/store.handle.js';
import { StoreRegistry } from './tasks/store.registry.js';
import { TaskAdding } from './tasks/task.adding.js';
import { TaskBuilder } from './tasks/task.builder.js';
import { TaskInspection } from './tasks/task.inspection.js';
import { TaskOperations } from './tasks/task.operations.js';
import { TaskTimeline } from './tasks/task.timeline.js';
import { TaskTransfer } from './tasks/task.transfer.js';

/** How often a store is polled by default, in milliseconds: one that pushes wake-ups, and one that does not. */
const POLL_PUSHED_MS = 30_000;
const POLL_MS = 10_000;

/** The parts of one scheduler, put together; what starts and stops them is its life. */
export class SchedulerCore {
  readonly options: ResolvedSchedulerOptions;
  readonly phase = new LifePhase();
  readonly handlers = new HandlerRegistry();
  readonly lifecycles: Lifecycles;
  readonly executors: ExecutorRegistry;
  readonly stores = new StoreRegistry();
  readonly events: EventDispatcher;
  readonly observation = new Observation();
  readonly probes: StoreProbes;
  readonly contexts: StoreContexts;
  readonly builder: TaskBuilder;
  readonly notes: JournalNotes;
  readonly pending: PendingTasks;
  readonly inputs: InputChecks;
  readonly adding: TaskAdding;
  readonly operations: TaskOperations;
  readonly inspection: TaskInspection;
  readonly journal: JournalInspection;
  readonly timeline: TaskTimeline;
  readonly follower: JournalFollower;
  readonly transfer: TaskTransfer;
  readonly bulk: BulkOperations;
  readonly runs: RunControl;
  readonly waits: RunWaits;
  readonly doctor: Doctor;
  readonly outputs: RunOutputs;
  readonly forecaster: Forecaster;
  readonly #triggers: TriggerCache;

  /** @throws InvalidOptionError, UnknownOptionError, DuplicateNameError */
  constructor(given: SchedulerOptions) {
    const options = resolveSchedulerOptions(given);
    const { clock, logger, backoffs, taskDefaults, timezone, role } = options;
    const { phase, handlers, stores } = this;
    const executors = new ExecutorRegistry(logger);
    const registry = createTriggerRegistry(options);
    const triggers = new TriggerCache(registry);
    const events = new EventDispatcher(options.identity, clock, logger);
    const builder = new TaskBuilder({
      triggers: registry,
      triggerCache: triggers,
      handlers,
      executors,
      backoffs,
      observation: this.observation,
      taskDefaults,
      timezone,
      checkNames: role === 'worker',
    });
    this.options = options;
    this.executors = executors;
    this.events = events;
    this.probes = new StoreProbes(clock);
    this.lifecycles = new Lifecycles(logger);
    this.builder = builder;
    this.#triggers = triggers;
    this.contexts = new StoreContexts({ ...options, events });
    const notes = new JournalNotes(options.identity);
    const pending = new PendingTasks(events, logger, notes);
    this.notes = notes;
    this.pending = pending;
    // A worker has the handlers of the tasks that it adds.
    const inputs = new InputChecks(handlers, role === 'client' ? new InputDirectory(options) : null);
    this.inputs = inputs;
    this.adding = new TaskAdding({ stores, builder, pending, events, phase, inputs, notes });
    const { adding } = this;
    this.operations = new TaskOperations({
      stores,
      builder,
      triggers,
      events,
      pending,
      adding,
      phase,
      inputs,
      notes,
      observation: this.observation,
    });
    this.inspection = new TaskInspection(stores, triggers, this.operations, builder, clock);
    this.timeline = new TaskTimeline(stores, triggers, clock);
    this.transfer = new TaskTransfer({ ...options, stores, contexts: this.contexts, notes });
    this.journal = new JournalInspection(stores);
    this.follower = new JournalFollower({ stores, events, clock, logger, phase, notes });
    this.bulk = new BulkOperations({ stores, builder, events, pending, phase, notes });
    this.waits = new RunWaits(stores, events, clock);
    this.outputs = new RunOutputs(stores, clock);
    this.runs = new RunControl({ stores, events, clock, phase, triggers, notes });
    const hasKeys = () => this.contexts.hasKeys;
    this.forecaster = new Forecaster({ ...options, stores, triggers });
    this.doctor = new Doctor({ ...options, phase, stores, executors, triggers, hasKeys });
    for (const [alias, store] of Object.entries(options.stores ?? { default: new MemoryStore() })) {
      this.addStore(alias, store);
    }
    for (const [alias, executor] of Object.entries(options.executors)) executors.add(alias, executor);
    if (!executors.has('default')) executors.add('default', new AsyncExecutor());
  }

  /** @throws DuplicateNameError, InvalidOptionError */
  addStore(alias: string, store: Store): StoreHandle {
    if (typeof store?.transact !== 'function') {
      throw new InvalidOptionError(`stores.${alias}`, store, 'a store: an object that extends BaseStore');
    }
    if (this.stores.has(alias)) {
      throw new DuplicateNameError('store', alias, 'Remove it first, or use another alias.');
    }
    const view = this.options.role === 'observer' ? readOnlyStore(store) : store;
    const handle = new StoreHandle(alias, view, new StoreClock(this.options.clock), this.contexts.of(alias));
    this.stores.add(handle);
    return handle;
  }

  /** The loop of a store that is open. */
  createLoop(handle: StoreHandle): ClaimLoop {
    const { clock, logger, identity, leaseMs, backoffs, pollIntervalMs, abortGraceMs, maxRecordBytes, output } =
      this.options;
    const defaultPoll = handle.store.capabilities.wakeUp === 'pushed' ? POLL_PUSHED_MS : POLL_MS;
    return new ClaimLoop(
      handle.store,
      {
        alias: handle.alias,
        identity,
        clock,
        storeClock: handle.clock,
        history: handle.store,
        logger,
        events: this.events,
        observed: this.observation.of(handle.alias),
        executors: this.executors,
        handlers: this.handlers,
        lifecycles: this.lifecycles,
        backoffs,
        triggers: this.#triggers,
        abortGraceMs,
        stepValues: STEP_VALUES,
        retryOf: (retry) => resolvePolicies({ retry }, DEFAULT_POLICIES, backoffs.names()).retry,
        maxTaskStepBytes: maxTaskStepBytes(maxRecordBytes),
        output,
      },
      { leaseMs, pollIntervalMs: pollIntervalMs ?? defaultPoll },
    );
  }
}

function createTriggerRegistry({ triggers, calendars }: ResolvedSchedulerOptions): TriggerRegistry {
  const registry = new TriggerRegistry();
  for (const [type, factory] of Object.entries(triggers)) registry.register(type, factory);
  for (const [name, calendar] of Object.entries(calendars)) registry.registerCalendar(name, calendar);
  return registry;
}
