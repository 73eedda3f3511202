import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { Redis } from 'ioredis';
import type { RedisOptions } from 'ioredis';
import { createStoreContext, makeTask } from 'nestjs-asyncz/testing';
import { RedisStore } from 'nestjs-asyncz/redis';
import type { RedisStoreOptions } from 'nestjs-asyncz/redis';
import { resultOf, startDue } from '../../../lib/testing/plan.fixtures.js';
import { claimDue, finishRuns } from '../../../lib/testing/store.steps.js';
import { redisUrl } from '../../support/server-urls.js';
import { keysFor, removeNamespace } from './redis.kit.js';

export const LEASE_MS = 600_000;
export const REQUEST = { limit: 1_000, handlers: ['work'] };
export const PLAN = startDue('owner-1', LEASE_MS);

/** The namespace of a test: a new one for each test, closed and removed after it. */
export class TestNamespace {
  /** Looks at what is stored, and damages it. */
  readonly admin = new Redis(redisUrl(), { lazyConnect: true });
  request = { namespace: '' };
  #names = 0;
  #closing: (() => unknown)[] = [];

  begin(): void {
    this.#names += 1;
    this.request = { namespace: `store_${process.pid}_${this.#names}` };
    this.#closing = [];
  }

  async end(): Promise<void> {
    for (const close of this.#closing.toReversed()) await close();
    await removeNamespace(this.admin, this.request);
  }

  closeAfterTest(close: () => unknown): void {
    this.#closing.push(close);
  }

  async open(options: RedisStoreOptions = { url: redisUrl() }, identity = 'test'): Promise<RedisStore> {
    const store = new RedisStore({ ...keysFor(this.request), ...options });
    await store.start(createStoreContext({ identity }));
    this.closeAfterTest(() => store.shutdown());
    return store;
  }

  client(options: RedisOptions = {}): Redis {
    const made = new Redis(redisUrl(), options);
    made.on('error', () => {});
    this.closeAfterTest(() => made.disconnect());
    return made;
  }
}

/** Gives each test of the file that calls this a namespace. */
export function useNamespace(): TestNamespace {
  const redis = new TestNamespace();
  beforeAll(() => redis.admin.connect());
  afterAll(() => redis.admin.disconnect());
  beforeEach(() => redis.begin());
  afterEach(() => redis.end());
  return redis;
}

export async function addDue(store: RedisStore, count: number): Promise<void> {
  const now = await store.now();
  await store.addTasks(
    Array.from({ length: count }, (_, at) => makeTask(`t${at}`, { nextRunTime: now - 1, args: [at] })),
  );
}

export async function claimAndFinish(store: RedisStore): Promise<string[]> {
  const { claimed } = await claimDue(store, REQUEST, PLAN);
  const results = claimed.map(({ task, start }) => resultOf(task!, start[0]!, 'succeeded'));
  return (await finishRuns(store, results)).settled.map(({ taskId }) => taskId);
}
