import { hostname } from 'node:os';
import { messageOf } from '../../errors/thrown.js';
import type { EventDispatcher } from '../../events/event.dispatcher.js';
import type { Clock } from '../../model/clock.js';
import { quietly } from '../../model/logger.js';
import type { Logger } from '../../model/logger.js';
import type { DrainRequest, SchedulerInstance } from '../../model/scheduler-instance.js';
import { wait } from '../../time/wait.js';
import type { ExecutorRegistry } from '../loop/executor.registry.js';
import type { HandlerRegistry } from '../loop/handler.registry.js';
import type { LifePhase } from '../tasks/life.phase.js';
import type { StoreHandle } from '../tasks/store.handle.js';
import type { StoreRegistry } from '../tasks/store.registry.js';
import { executorsInUse } from './executor.use.js';
import { InputPublisher } from './input.publisher.js';

/** How far the machine's clock may be off a store's before it is reported, in milliseconds. */
const MAX_CLOCK_OFFSET_MS = 1_000;

interface HeartbeatServices {
  readonly identity: string;
  readonly name: string;
  readonly role: 'worker' | 'client' | 'observer';
  /** Of the package. */
  readonly version: string;
  readonly heartbeatMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly events: EventDispatcher;
  readonly stores: StoreRegistry;
  readonly executors: ExecutorRegistry;
  readonly handlers: HandlerRegistry;
  readonly phase: LifePhase;
}

/** Writes into each store that this scheduler is alive, and how it stands. */
export class Heartbeat {
  #cancel: () => void = () => {};
  /** The drain that this scheduler follows, as the others see it. */
  #drain: DrainRequest | null = null;
  /** The stores whose clock is known to be far from this machine's. */
  readonly #skewed = new Set<string>();

  /** Tells what the handlers take. */
  readonly inputs: InputPublisher;

  constructor(private readonly services: HeartbeatServices) {
    this.inputs = new InputPublisher(services);
  }

  /**
   * Beats until {@link stop}.
   *
   * @param onBeat Called with each beat.
   * @param onWritten Called for each store, after each heartbeat that was written there.
   */
  start(onBeat: () => void, onWritten: (handle: StoreHandle) => Promise<void>): void {
    const { clock, heartbeatMs } = this.services;
    this.#cancel = wait(clock, heartbeatMs, () => {
      onBeat();
      for (const handle of this.#opened()) void this.#beat(handle, onWritten);
      this.start(onBeat, onWritten);
    });
  }

  /** Ends the beating and forgets what was announced. */
  stop(): void {
    this.#cancel();
    this.#drain = null;
    this.inputs.forgetAll();
  }

  /** Never rejects: a store that is unreachable is reported by its loop, and the next heartbeat tries again. */
  async #beat(handle: StoreHandle, onWritten: (handle: StoreHandle) => Promise<void>): Promise<void> {
    try {
      const { clockOffsetMs } = await this.write(handle);
      await onWritten(handle);
      this.#reportSkew(handle, clockOffsetMs);
    } catch (error) {
      this.services.logger.debug(`No heartbeat in store "${handle.alias}": ${messageOf(error)}`);
    }
  }

  /** Due times and leases follow the store's clock, so nothing runs wrong; what the handlers read may be. */
  #reportSkew({ alias: store }: StoreHandle, offsetMs: number): void {
    if (Math.abs(offsetMs) <= MAX_CLOCK_OFFSET_MS) {
      this.#skewed.delete(store);
      return;
    }
    if (this.#skewed.has(store)) return;
    this.#skewed.add(store);
    this.services.logger.warn(`The clock of this machine is ${offsetMs} ms off that of store "${store}"`);
    this.services.events.emit('scheduler.clock-skew', { store, offsetMs });
  }

  /** Writes one heartbeat into one store. Returns what it says. */
  async write(handle: StoreHandle): Promise<SchedulerInstance> {
    await this.inputs.publish(handle);
    const instance = this.instance(handle);
    await handle.store.heartbeat(instance);
    return instance;
  }

  /** Writes a heartbeat into every open store without waiting for the next one. Never rejects. */
  async writeAll(): Promise<void> {
    const { logger } = this.services;
    await Promise.all(this.#opened().map((handle) => quietly(logger, 'A heartbeat', () => this.write(handle))));
  }

  /** Shows the others that this scheduler follows a drain, or none, from now on. Never rejects. */
  async announce(drain: DrainRequest | null): Promise<void> {
    this.#drain = drain;
    await this.writeAll();
  }

  /** What this scheduler says of itself in a store. */
  instance({ clock: storeClock }: StoreHandle): SchedulerInstance {
    const { identity, name, role, version, clock, stores, executors, handlers, phase } = this.services;
    return {
      identity,
      name,
      // An observer writes none: this is what it would be to those that coordinate.
      role: role === 'worker' ? role : 'client',
      host: hostname(),
      pid: process.pid,
      version,
      startedAt: phase.startedAt ?? clock.now(),
      heartbeatAt: storeClock.now(),
      stores: stores.aliases(),
      executors: executorsInUse(executors, stores),
      handlers: handlers.names(),
      inputs: this.inputs.digest,
      running: stores.all().reduce((sum, { loop }) => sum + (loop?.execution.activeCount ?? 0), 0),
      clockOffsetMs: clock.now() - storeClock.now(),
      drain: this.#drain,
    };
  }

  #opened(): readonly StoreHandle[] {
    return this.services.stores.all().filter(({ opened }) => opened);
  }
}
