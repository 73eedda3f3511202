import { afterAll, beforeAll } from 'vitest';
import { Redis } from 'ioredis';
import { describeStore } from 'nestjs-asyncz/testing';
import { redisUrl } from '../../support/server-urls.js';
import { createStore, kitOptions } from './redis.kit.js';

let admin: Redis;
beforeAll(() => {
  admin = new Redis(redisUrl());
});
afterAll(() => admin.disconnect());

describeStore(
  'RedisStore',
  (request) => createStore(request, { url: redisUrl() }),
  kitOptions(
    () => admin,
    () => new Redis(redisUrl()),
  ),
);
