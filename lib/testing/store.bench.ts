import { randomBytes } from 'node:crypto';
import assert from 'node:assert/strict';
import type { StoredTask, TaskRecord, UnreadableTask } from '../model/task.js';
import { isUnreadable } from '../model/task.js';
import type { Awaitable, Store } from '../stores/store.interface.js';
import type { CreateStore, DescribeStoreOptions, StoreRequest } from './describe-store.options.js';
import { createStoreContext } from './store-context.js';
import { until } from './until.js';

/** The secret that the encrypted half of the kit writes with. */
export const SECRET = 'conformance kit: sixteen bytes and more';

/** How long one test may take unless an option says otherwise, in milliseconds. */
export const TIMEOUT_MS = 60_000;

/** How long a lease holds that a test waits to see run out, in milliseconds. */
const SHORT_LEASE_MS = 250;

/** A lease that no test outlasts, in milliseconds. */
const LONG_LEASE_MS = 600_000;

/** What {@link StoreBench.open} may be told. */
export interface OpenOptions {
  /** Other secrets than the one that the test's data is written with. */
  readonly secret?: string | readonly string[];
  /** The largest stored definition, in bytes. */
  readonly maxPayloadBytes?: number;
  /** The largest text of a record that is read, in bytes. */
  readonly maxRecordBytes?: number;
}

/** What one test of the kit works with: stores on data of its own, all closed and cleaned up at the end. */
export class StoreBench {
  readonly request = newRequest();
  readonly shortLeaseMs: number;
  readonly longLeaseMs = LONG_LEASE_MS;
  readonly volume: number;
  /** What any store of this test has reported as unreadable. */
  readonly reported: UnreadableTask[] = [];
  readonly #open = new Set<Store>();
  readonly #requests = [this.request];
  readonly #closing: (() => Awaitable<void>)[] = [];
  #opened = 0;

  constructor(
    readonly create: CreateStore,
    readonly options: DescribeStoreOptions,
    readonly encrypted: boolean,
  ) {
    this.shortLeaseMs = options.leaseMs ?? SHORT_LEASE_MS;
    this.volume = options.volume ?? 10_000;
  }

  /** A started store on this test's data. */
  async open(options: OpenOptions = {}): Promise<Store> {
    const store = await this.create(this.request);
    await this.start(store, options);
    return store;
  }

  /** A started store on other data. */
  async openElsewhere(): Promise<Store> {
    const request = newRequest();
    this.#requests.push(request);
    const store = await this.create(request);
    await this.start(store);
    return store;
  }

  /** Starts a store, and closes it when the test ends. */
  async start(store: Store, options: OpenOptions = {}): Promise<void> {
    this.#opened += 1;
    const context = createStoreContext({
      identity: `kit-${this.#opened}`,
      ...(this.options.clock && { clock: this.options.clock }),
      ...(options.maxPayloadBytes !== undefined && { maxPayloadBytes: options.maxPayloadBytes }),
      ...(options.maxRecordBytes !== undefined && { maxRecordBytes: options.maxRecordBytes }),
      ...(this.encrypted && { keys: options.secret ?? SECRET }),
      onUnreadable: (task) => this.reported.push(task),
    });
    await store.start(context);
    this.#open.add(store);
  }

  /**
   * Another scheduler's way to the same data: a second store, or the same one where the store coordinates only one
   * process.
   */
  async other(store: Store): Promise<Store> {
    return store.capabilities.coordination === 'process' ? store : this.open();
  }

  /** Has something closed when the test ends, before the stores. */
  onClose(work: () => Awaitable<void>): void {
    this.#closing.push(work);
  }

  async shutdown(store: Store): Promise<void> {
    this.#open.delete(store);
    await store.shutdown();
  }

  /** Waits until the store's clock has passed `time`. */
  async passed(store: Store, time: number): Promise<void> {
    await this.until(async () => (await store.now()) > time, `the store's clock to pass ${time}`);
  }

  /** Waits until `condition` gives something true, and returns it. */
  until<T>(condition: () => Awaitable<T>, what: string): Promise<NonNullable<T>> {
    const { advance, timeoutMs = TIMEOUT_MS } = this.options;
    // Given up before the test runner gives up, so that the failure says what was waited for.
    return until(condition, { what, timeoutMs: timeoutMs / 2, ...(advance && { advance }) });
  }

  /** A task that must be there and readable. */
  async task(store: Store, id: string): Promise<TaskRecord> {
    return readable(await store.lookupTask(id), id);
  }

  /** Shuts every store down and removes the test's data. The first error of any of it is thrown, after all was tried. */
  async close(): Promise<void> {
    const errors: unknown[] = [];
    const attempt = async (work: () => Awaitable<void>) => {
      try {
        await work();
      } catch (error) {
        errors.push(error);
      }
    };
    for (const work of this.#closing) await attempt(work);
    for (const store of this.#open) await attempt(() => store.shutdown());
    this.#open.clear();
    for (const request of this.#requests) await attempt(() => this.options.cleanup?.(request));
    if (errors.length > 0) throw errors[0];
  }
}

function newRequest(): StoreRequest {
  return { namespace: `kit_${randomBytes(6).toString('hex')}` };
}

/** Fails unless the task is there and readable. */
export function readable(task: StoredTask | null | undefined, id: string): TaskRecord {
  assert.ok(task, `the task ${JSON.stringify(id)} is not there`);
  assert.ok(!isUnreadable(task), `the task ${JSON.stringify(id)} is unreadable`);
  return task;
}

/** The ids of tasks, in their order. */
export function idsOf(tasks: Iterable<{ readonly id: string }>): string[] {
  return [...tasks].map(({ id }) => id);
}
