import { InvalidOptionError } from '../errors/input.errors.js';
import { DuplicateNameError } from '../errors/scheduler.errors.js';
import { EventDispatcher } from '../events/event.dispatcher.js';
import { AsyncExecutor } from '../executors/async.executor.js';
import type { UnreadableTask } from '../model/task.js';
import { createCodecFactory } from '../persistence/codec.factory.js';
import type { CodecFactory } from '../persistence/codec.factory.js';
import type { KeyRing } from '../persistence/key-ring.js';
import { SerializerRegistry } from '../persistence/serializer.registry.js';
import { MemoryStore } from '../stores/memory/memory.store.js';
import type { Store, StoreContext } from '../stores/store.interface.js';
import { TriggerCache } from '../triggers/trigger.cache.js';
import { TriggerRegistry } from '../triggers/trigger.registry.js';
import { ExecutorRegistry } from './loop/executor.registry.js';
import { HandlerRegistry } from './loop/handler.registry.js';
import { RunControl } from './tasks/run.control.js';
import { resolveSchedulerOptions } from './scheduler.options.js';
import type { ResolvedSchedulerOptions, SchedulerOptions } from './scheduler.options.js';
import { StoreClock } from '../time/store.clock.js';
import { StoreHandle } from './tasks/store.handle.js';
import { StoreRegistry } from './tasks/store.registry.js';
import { StoreWorker } from './loop/claim.loop.js';
import { TaskBuilder } from './tasks/task.builder.js';
import { TaskInspection } from './tasks/task.inspection.js';
import { TaskOperations } from './tasks/task.operations.js';

/** How often a store is polled unless told otherwise, in milliseconds: where it pushes wake-ups, and where it does not. */
const POLL_PUSHED_MS = 30_000;
const POLL_MS = 10_000;

/** The parts of one scheduler, put together; what starts and stops them is the lifecycle. */
export class SchedulerCore {
  readonly options: ResolvedSchedulerOptions;
  readonly events: EventDispatcher;
  readonly handlers = new HandlerRegistry();
  readonly executors = new ExecutorRegistry();
  readonly stores = new StoreRegistry();
  readonly triggers = new TriggerRegistry();
  readonly operations: TaskOperations;
  readonly inspection: TaskInspection;
  readonly builder: TaskBuilder;
  readonly control: RunControl;
  /** Whether tasks can be run now: set by the lifecycle. */
  running = false;
  readonly #serializers = new SerializerRegistry();
  readonly #triggerCache = new TriggerCache(this.triggers);
  readonly #reported = new Set<string>();
  #codecs: CodecFactory;
  #keyRing: KeyRing | null = null;
  #lacksKey = false;

  /** @throws InvalidOptionError, UnknownOptionError */
  constructor(given: SchedulerOptions) {
    const options = resolveSchedulerOptions(given);
    this.options = options;
    for (const serializer of options.serializers) this.#serializers.register(serializer);
    for (const [type, factory] of Object.entries(options.triggers)) this.triggers.register(type, factory);
    for (const [name, calendar] of Object.entries(options.calendars)) this.triggers.registerCalendar(name, calendar);
    this.#codecs = this.#createCodecs(null);
    this.events = new EventDispatcher(options.identity, options.clock, options.logger);
    this.builder = new TaskBuilder({
      triggers: this.triggers,
      triggerCache: this.#triggerCache,
      handlers: this.handlers,
      executors: this.executors,
      backoffs: options.backoffs,
      taskDefaults: options.taskDefaults,
      timezone: options.timezone,
      checkNames: options.role === 'worker',
    });
    this.operations = new TaskOperations({
      stores: this.stores,
      builder: this.builder,
      events: this.events,
      logger: options.logger,
      describe: (task) => this.inspection.describe(task),
      isRunning: () => this.running,
    });
    this.inspection = new TaskInspection(this.stores, this.builder, this.operations);
    this.control = new RunControl(this.stores, this.events, options.clock, () => this.running);
    for (const [alias, store] of Object.entries(options.stores ?? { default: new MemoryStore() })) {
      this.addStore(alias, store);
    }
    for (const [alias, executor] of Object.entries(options.executors)) this.executors.add(alias, executor);
    if (!this.executors.has('default')) this.executors.add('default', new AsyncExecutor());
  }

  /** The keys that records are written and read with; null without encryption. */
  get keyRing(): KeyRing | null {
    return this.#keyRing;
  }

  /** From now on records are written and read with these keys. */
  useKeys(keyRing: KeyRing | null): void {
    this.#keyRing = keyRing;
    this.#codecs = this.#createCodecs(keyRing);
  }

  /** @throws DuplicateNameError, InvalidOptionError */
  addStore(alias: string, store: Store): StoreHandle {
    if (typeof store?.transact !== 'function') {
      throw new InvalidOptionError(`stores.${alias}`, store, 'a store: an object that extends BaseStore');
    }
    if (this.stores.has(alias)) {
      throw new DuplicateNameError('store', alias, 'Remove it first, or use another alias.');
    }
    const handle = new StoreHandle(alias, store, new StoreClock(this.options.clock), this.#contextOf(alias));
    this.stores.add(handle);
    return handle;
  }

  /** The loop of a store that is open. */
  createWorker(handle: StoreHandle): StoreWorker {
    const { clock, logger, identity, leaseMs, backoffs, pollIntervalMs } = this.options;
    const defaultPoll = handle.store.capabilities.wakeUp === 'pushed' ? POLL_PUSHED_MS : POLL_MS;
    return new StoreWorker(
      handle.store,
      {
        alias: handle.alias,
        identity,
        clock,
        storeClock: handle.clock,
        logger,
        events: this.events,
        executors: this.executors,
        handlers: this.handlers,
        backoffs,
        triggers: this.#triggerCache,
      },
      { leaseMs, pollIntervalMs: pollIntervalMs ?? defaultPoll },
    );
  }

  /** Asks for the keys again when a record was found that none of them opens: a key may have been added meanwhile. */
  async refreshKeys(): Promise<void> {
    if (!this.#lacksKey) return;
    await this.#keyRing?.refresh();
  }

  #createCodecs(keyRing: KeyRing | null): CodecFactory {
    const { name, maxPayloadBytes, encryption } = this.options;
    return createCodecFactory({
      namespace: name,
      serializers: this.#serializers,
      keyRing,
      allowPlaintext: encryption?.allowPlaintext ?? false,
      maxPayloadBytes,
    });
  }

  #contextOf(alias: string): StoreContext {
    const { name, identity, clock, logger } = this.options;
    return {
      alias,
      scheduler: { name, identity },
      clock,
      logger,
      createCodec: (codecOptions) => this.#codecs(codecOptions),
      reportUnreadable: (task) => this.#reportUnreadable(alias, task),
    };
  }

  /** One event and one line for each record and reason, however often it is found. */
  #reportUnreadable(store: string, { id, unreadable, message }: UnreadableTask): void {
    this.#lacksKey ||= unreadable === 'wrong-key';
    const key = `${store}\n${id}\n${unreadable}`;
    if (this.#reported.has(key)) return;
    if (this.#reported.size >= 10_000) this.#reported.clear();
    this.#reported.add(key);
    this.options.logger.warn(
      `The record of task "${id}" in store "${store}" cannot be read (${unreadable}) and is left as it is: ${message}`,
    );
    this.events.emit('task.unreadable', { taskId: id, store, reason: unreadable, message });
  }
}
