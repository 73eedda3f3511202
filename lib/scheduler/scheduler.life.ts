import { StartTimeoutError } from '../errors/store.errors.js';
import type { Executor } from '../executors/executor.interface.js';
import { MemoryStore } from '../stores/memory/memory.store.js';
import type { Store } from '../stores/store.interface.js';
import { undoOnFailure } from '../stores/undo-on-failure.js';
import { quietlyInTime } from './quietly-in-time.js';
import { Deadline } from '../time/deadline.js';
import { VERSION } from '../version.js';
import { ClaimGate } from './cluster/claim.gate.js';
import { ContentWatch } from './cluster/content.watch.js';
import { FactJournal } from './cluster/fact.journal.js';
import { DeadManWatch } from './cluster/dead-man.watch.js';
import { Heartbeat } from './cluster/heartbeat.js';
import { Housekeeper } from './cluster/housekeeper.js';
import type { SchedulerCore } from './scheduler.core.js';
import { SchedulerDeploys } from './scheduler.deploys.js';
import type { SchedulerState } from './scheduler.info.js';
import { CLOSING_MS, LAST_WORDS_MS, StopTime } from './scheduler.stop.js';
import { SchedulerStores } from './scheduler.stores.js';
import type { StoreHandle } from './tasks/store.handle.js';

/**
 * Starts and stops the parts of a scheduler, in order, each in a time that is limited as a whole, whatever hangs: stores of the
 * user's own and executors may never answer. A start that fails leaves nothing open.
 */
export class SchedulerLife {
  readonly gate: ClaimGate;
  readonly deploys: SchedulerDeploys;
  readonly #heartbeat: Heartbeat;
  readonly #contents: ContentWatch;
  readonly #stores: SchedulerStores;
  readonly #housekeeper: Housekeeper;
  readonly #facts: FactJournal;
  readonly #watch: DeadManWatch;
  /** The end of what was asked for last. */
  #last: Promise<unknown> = Promise.resolve();
  /** The time of what is under way, unless that is a stop. */
  #turn: Deadline | null = null;
  /** The stops that were asked for and are not over. */
  readonly #stops = new Set<StopTime>();

  constructor(private readonly core: SchedulerCore) {
    const { options, events, stores, executors, handlers, phase, notes } = core;
    const services = { ...options, events, stores, phase, notes };
    this.#heartbeat = new Heartbeat({ ...services, version: VERSION, executors, handlers });
    this.gate = new ClaimGate({ ...services, heartbeat: this.#heartbeat });
    this.#contents = new ContentWatch({ ...services, restore: (handle) => this.#restore(handle) });
    this.#stores = new SchedulerStores(core, this.gate, this.#heartbeat, this.#contents);
    this.#housekeeper = new Housekeeper(services);
    this.#facts = new FactJournal(services);
    this.#watch = new DeadManWatch(services);
    this.deploys = new SchedulerDeploys(core);
  }

  get state(): SchedulerState {
    const { name } = this.core.phase;
    if (name !== 'started') return name;
    return this.gate.isOpen ? 'running' : 'paused';
  }

  /**
   * One after another: a store that is added or removed in the middle of a start would be opened twice, or never closed. A stop
   * does not wait longer for the others than for runs.
   */
  #inTurn<T>(work: (deadline: Deadline) => Promise<T>): Promise<T> {
    const done = this.#last.then(async () => {
      const deadline = new Deadline(this.core.options.clock, this.core.options.startTimeoutMs);
      for (const { runs } of this.#stops) deadline.bringForward(runs.leftMs);
      this.#turn = deadline;
      try {
        return await work(deadline);
      } finally {
        this.#turn = null;
      }
    });
    this.#last = done.catch(() => {});
    return done;
  }

  start(): Promise<void> {
    return this.#inTurn(async (deadline) => {
      if (!this.core.phase.isStarted) await this.#start(deadline);
    });
  }

  async #start(deadline: Deadline): Promise<void> {
    const { options, events, executors, stores, phase } = this.core;
    phase.starting(options.clock.now());
    try {
      await inTime(deadline, 'the source of the encryption keys', this.core.contexts.fetchKeys());
      if (options.role === 'worker') this.#facts.start();
      if (!stores.has('default')) this.core.addStore('default', new MemoryStore());
      // An observer asks for nothing that would have to be run, and its threads would boot for nothing.
      const runs = options.role === 'observer' ? [] : executors.aliases();
      for (const alias of runs) await this.#startExecutor(alias, executors.get(alias), deadline);
      for (const handle of stores.all()) await this.#stores.open(handle, deadline);
      await this.deploys.start(deadline);
      phase.started();
      this.gate.reset(options.startPaused);
      for (const handle of stores.all()) await this.#stores.work(handle, deadline);
      if (options.role !== 'observer') {
        this.#beat();
        this.#watch.start();
      }
      if (options.role === 'worker') this.#housekeeper.start();
      events.emit('scheduler.started', {});
      options.logger.info(`Scheduler "${options.name}" (${options.identity}) started`);
      // Somebody may have asked during the start.
      void this.gate.follow();
    } catch (error) {
      await this.#rollBack();
      throw error;
    }
  }

  #beat(): void {
    this.#heartbeat.start(
      () => void this.core.contexts.refreshKeys(),
      async (handle) => {
        await this.gate.drains.beat(handle);
        await this.#contents.beat(handle);
        await this.deploys.beat(handle);
      },
    );
  }

  async #startExecutor(alias: string, executor: Executor, deadline: Deadline): Promise<void> {
    const { options, stores, handlers } = this.core;
    const started = executor.start?.({
      alias,
      scheduler: options.name,
      logger: options.logger,
      abortGraceMs: options.abortGraceMs,
      startTimeoutMs: options.startTimeoutMs,
      maxResultBytes: options.maxPayloadBytes,
      checksArguments: (name) => handlers.schemaOf(name) !== null,
      changed: () => {
        handlers.provide(alias, executor);
        for (const { loop } of stores.all()) loop?.wake();
      },
    });
    await inTime(deadline, `the executor "${alias}"`, started);
    handlers.provide(alias, executor);
  }

  /** Adds again what has to be in a store that was emptied. */
  async #restore(handle: StoreHandle): Promise<void> {
    this.#heartbeat.inputs.forget(handle);
    await this.#stores.markEncryption(handle);
    await this.deploys.restore(handle);
  }

  async #rollBack(): Promise<void> {
    const { phase, stores, options } = this.core;
    const end = new Deadline(options.clock, CLOSING_MS);
    phase.stopping();
    try {
      await Promise.all(stores.all().map((handle) => this.#stores.abandon(handle, end)));
      this.#heartbeat.stop();
      this.#facts.abandon();
      await this.#closeExecutors(end);
    } finally {
      phase.stopped();
    }
  }

  shutdown(timeoutMs = this.core.options.shutdownTimeoutMs): Promise<void> {
    const stop = new StopTime(this.core.options.clock, timeoutMs);
    // Whoever asks again is not willing to wait longer; and a start that hangs is given up in that time.
    for (const earlier of this.#stops) earlier.bringForward(timeoutMs);
    this.#turn?.bringForward(timeoutMs);
    this.#stops.add(stop);
    return this.#inTurn(async () => {
      if (this.core.phase.name !== 'stopped') await this.#stop(stop);
    }).finally(() => this.#stops.delete(stop));
  }

  /** Everything is told to end, and whatever hangs or throws, the scheduler is stopped afterwards. */
  async #stop(stop: StopTime): Promise<void> {
    const { options, events, stores, phase } = this.core;
    phase.stopping();
    const handles = stores.all();
    let hasToldAll = false;
    try {
      await this.#stores.finish(handles, stop);
      [hasToldAll] = await Promise.all([this.#toldAll(stop), this.#cleanUp(stop)]);
    } finally {
      for (const { loop } of handles) loop?.close();
      this.#heartbeat.stop();
      this.#housekeeper.stop();
      this.#watch.stop();
      if (options.role === 'worker') await this.#facts.stop(stop.end);
      await Promise.all([
        this.#closeExecutors(stop.end),
        ...handles.map((handle) => this.#stores.close(handle, stop.end)),
      ]);
      phase.stopped();
      events.emit('scheduler.shutdown', {});
      options.logger.info(`Scheduler "${options.name}" (${options.identity}) stopped`);
      if (hasToldAll) await this.#toldAll(stop);
    }
  }

  /** Waits for the listeners, as long as what they use is there. Returns whether they are done with all that was emitted. */
  async #toldAll({ end }: StopTime): Promise<boolean> {
    const { options, events } = this.core;
    const isDone = await end.holds(events.drained(), LAST_WORDS_MS);
    if (!isDone) options.logger.warn('Listeners that have not ended in time are left to themselves');
    return isDone;
  }

  /** Ends the generators, of all tasks or of those of a store, as long as what they use is there. */
  #cleanUp({ end }: StopTime, store?: string): Promise<void> {
    const { options, lifecycles } = this.core;
    const work = () => lifecycles.end(store);
    return quietlyInTime(options.logger, end, 'The clean-up of lifecycle tasks', work, LAST_WORDS_MS);
  }

  async #closeExecutors(end: Deadline): Promise<void> {
    const { executors, options } = this.core;
    await Promise.all(
      executors.aliases().map((alias) => {
        const executor = executors.get(alias);
        return quietlyInTime(options.logger, end, `Closing the executor "${alias}"`, () => executor.shutdown?.());
      }),
    );
  }

  addStore(alias: string, store: Store): Promise<void> {
    return this.#inTurn(async (deadline) => {
      const { stores, phase, events } = this.core;
      const handle = this.core.addStore(alias, store);
      if (phase.isStarted) {
        const undo = async () => {
          await this.#stores.abandon(handle, new Deadline(this.core.options.clock, CLOSING_MS));
          stores.remove(alias);
        };
        await undoOnFailure(undo, async () => {
          await this.#stores.open(handle, deadline);
          await this.#stores.work(handle, deadline);
        });
        // Before the start it is configuration.
        events.emit('store.added', { store: alias });
      }
    });
  }

  /** Once it is out of the list, starts and stops have nothing to do with it: they do not wait for its runs. */
  async removeStore(alias: string): Promise<void> {
    const { stores, options, events } = this.core;
    const handle = await this.#inTurn(async () => stores.remove(alias));
    const stop = new StopTime(options.clock, options.shutdownTimeoutMs);
    await this.#stores.drain([handle], stop);
    await this.#cleanUp(stop, alias);
    handle.loop?.close();
    await this.#stores.close(handle, stop.end);
    events.emit('store.removed', { store: alias });
  }

  addExecutor(alias: string, executor: Executor): Promise<void> {
    return this.#inTurn(async (deadline) => {
      const { executors, stores, events, phase } = this.core;
      executors.add(alias, executor);
      if (!phase.isStarted) return;
      await undoOnFailure(
        () => executors.remove(alias),
        () => this.#startExecutor(alias, executor, deadline),
      );
      events.emit('executor.added', { executor: alias });
      for (const { loop } of stores.all()) loop?.wake();
    });
  }

  removeExecutor(alias: string): Promise<void> {
    return this.#inTurn(async () => {
      const { executors, events, phase, options } = this.core;
      const executor = executors.remove(alias);
      this.core.handlers.provide(alias, {});
      const end = new Deadline(options.clock, CLOSING_MS);
      if (phase.isStarted)
        await quietlyInTime(options.logger, end, `Closing the executor "${alias}"`, () => executor.shutdown?.());
      events.emit('executor.removed', { executor: alias });
    });
  }
}

/** @throws StartTimeoutError */
async function inTime(deadline: Deadline, awaited: string, work: unknown): Promise<void> {
  if (!(await deadline.holds(Promise.resolve(work)))) throw new StartTimeoutError(awaited);
}
