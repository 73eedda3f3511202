import { expect, it } from 'vitest';
import { Scheduler } from 'nestjs-asyncz';
import { RedisStore } from 'nestjs-asyncz/redis';
import type { Redis } from 'ioredis';
import { keysFor } from './redis.kit.js';
import { useNamespace } from './redis.namespace.js';

const redis = useNamespace();

type Call = (...args: unknown[]) => Promise<unknown>;

/** Has something awaited before, or done after, each call on a client that writes or takes. */
function around(
  client: Redis,
  part: 'write' | 'take',
  before: () => Promise<unknown>,
  after: () => void = () => {},
): void {
  const calls = client as unknown as Record<string, Call>;
  const name = Object.keys(calls).find((key) => key.startsWith('asyncz_exchange_'))!;
  const call = calls[name]!.bind(client);
  calls[name] = async (...args) => {
    const isMeant = args.some((arg) => String(arg).startsWith('{') && String(arg).includes(`"${part}":`));
    if (!isMeant) return call(...args);
    await before();
    const answer = await call(...args);
    after();
    return answer;
  };
}

it('a replica that is stopped leaves no gap, although another one looked while it had taken the task', async () => {
  const client = { first: redis.client(), second: redis.client() };
  const join = async (identity: 'first' | 'second', ran: () => void) => {
    const store = new RedisStore({ ...keysFor(redis.request), client: client[identity] });
    const scheduler = new Scheduler({ identity, stores: { default: store } });
    scheduler.registerHandler('tick', () => ran());
    redis.closeAfterTest(() => scheduler.shutdown());
    return scheduler;
  };
  const first = await join('first', () => {});
  await first.start();
  await first.addTask({ id: 'tick', handler: 'tick', trigger: { type: 'interval', milliseconds: 300 } });

  let open = () => {};
  const gate = new Promise<void>((resolve) => (open = resolve));
  await new Promise<void>((reserved) => {
    around(client.first, 'write', () => {
      reserved();
      return gate;
    });
  });
  let ranAt: (time: number) => void = () => {};
  const run = new Promise<number>((resolve) => (ranAt = resolve));
  const second = await join('second', () => ranAt(performance.now()));
  // Defines the scripts on the client.
  await redis.open({ client: client.second }, 'before');
  const looked = new Promise<void>((resolve) => {
    around(client.second, 'take', () => Promise.resolve(), resolve);
  });
  await second.start();
  await looked;
  open();
  await first.shutdown();
  const stoppedAt = performance.now();
  expect((await run) - stoppedAt).toBeLessThan(2_500);
});
