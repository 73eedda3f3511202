import { Redis } from 'ioredis';
import { historyOf } from '../bare.mjs';

/** Takes the tasks that are due: moves them behind the lease, and counts up their tokens. */
const TAKE = `
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
if #ids == 0 then return {} end
local found = redis.call('HMGET', KEYS[2], unpack(ids))
local leased = {}
for _, id in ipairs(ids) do
  leased[#leased + 1] = ARGV[2]
  leased[#leased + 1] = id
end
redis.call('ZADD', KEYS[1], unpack(leased))
return { redis.call('INCR', KEYS[3]), ids, found }`;

/** How long a batch is leased, in ms. */
const LEASE_MS = 30_000;

export async function connect({ url, name }, { isKept }) {
  const client = new Redis(url);
  const [due, tasks, tokens, history] = ['due', 'tasks', 'tokens', 'history'].map((kind) => `${name}.${kind}`);
  client.defineCommand('benchTake', { numberOfKeys: 3, lua: TAKE });
  return {
    async add(added) {
      const pipeline = client.pipeline();
      pipeline.hset(tasks, ...added.flatMap(({ id, payload }) => [id, JSON.stringify(payload)]));
      pipeline.zadd(due, ...added.flatMap(({ id, due: time }) => [time, id]));
      await pipeline.exec();
    },
    async take(limit) {
      const now = Date.now();
      const [token, ids, found] = await client.benchTake(due, tasks, tokens, now, now + LEASE_MS, limit);
      return (ids ?? []).map((id, at) => ({ id, token, payload: JSON.parse(found[at]) }));
    },
    async end(ended) {
      const ids = ended.map(({ id }) => id);
      const transaction = client
        .multi()
        .zrem(due, ...ids)
        .hdel(tasks, ...ids);
      if (isKept) transaction.rpush(history, ...ended.map((task) => JSON.stringify(historyOf(task))));
      await transaction.exec();
    },
    left: () => client.zcard(due),
    kept: () => client.llen(history),
    close: () => client.quit(),
  };
}
