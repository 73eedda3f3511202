import { afterEach, beforeEach } from 'vitest';
import type { Logger } from '../../../lib/model/logger.js';
import { createStoreContext } from 'nestjs-asyncz/testing';
import { RedisStore } from 'nestjs-asyncz/redis';
import type { RedisStoreOptions } from 'nestjs-asyncz/redis';
import { TcpProxy } from '../../support/tcp.proxy.js';
import { NOTHING_KEPT, RedisServer } from './redis.server.js';

/** Servers, proxies and stores of one test, which are closed after it, the last one first; and what the stores have logged. */
export function connectionBench() {
  const closing: (() => unknown)[] = [];
  const warnings: string[] = [];
  const debugged: string[] = [];
  const logger: Logger = {
    debug: (message) => debugged.push(message),
    info: () => {},
    warn: (message) => warnings.push(message),
    error: (message) => warnings.push(message),
  };

  beforeEach(() => {
    for (const list of [closing, warnings, debugged]) list.length = 0;
  });
  afterEach(async () => {
    for (const close of closing.toReversed()) await close();
  });

  return {
    closing,
    warnings,
    debugged,
    logger,

    async server(args = NOTHING_KEPT): Promise<RedisServer> {
      const started = await RedisServer.start(args);
      closing.push(() => started.remove());
      return started;
    },

    async proxy(...args: Parameters<typeof TcpProxy.start>): Promise<TcpProxy> {
      const started = await TcpProxy.start(...args);
      closing.push(() => started.stop());
      return started;
    },

    async open(options: RedisStoreOptions): Promise<RedisStore> {
      const store = new RedisStore(options);
      await store.start(createStoreContext({ logger }));
      closing.push(() => store.shutdown());
      return store;
    },
  };
}
