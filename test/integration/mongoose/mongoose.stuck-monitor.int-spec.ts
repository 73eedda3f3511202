import { once } from 'node:events';
import mongoose from 'mongoose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SettableClock } from '../../../lib/model/clock.js';
import { reopenWhenStuck } from '../../../lib/stores/mongoose/mongoose.stuck-monitor.js';
import { useMongodb } from '../../support/mongodb.js';

const CONNECT_TIMEOUT_MS = 1_000;

describe("the driver's watch over a server", () => {
  const server = useMongodb();
  let client: mongoose.mongo.MongoClient;
  let clock: SettableClock;
  let stop: () => void;

  beforeEach(() => {
    client = new mongoose.mongo.MongoClient(server.url(), { connectTimeoutMS: CONNECT_TIMEOUT_MS });
    clock = new SettableClock();
    stop = reopenWhenStuck(client, clock);
  });
  afterEach(async () => {
    stop();
    await client.close();
  });

  /** What the driver says of its questions to one server. */
  const say = (what: 'Started' | 'Succeeded' | 'Failed', awaited = false) =>
    client.emit(`serverHeartbeat${what}`, { connectionId: 'somewhere:27017', awaited } as never);

  it('has the client opened anew when a question does not end', async () => {
    await client.connect();
    const closed = once(client as never, 'topologyClosed');
    const opened = once(client as never, 'topologyOpening');
    say('Started');
    clock.advance(2 * CONNECT_TIMEOUT_MS);
    await Promise.all([closed, opened]);
    expect(await client.db('admin').command({ ping: 1 })).toMatchObject({ ok: 1 });
  });

  it.each(['Succeeded', 'Failed'] as const)('is well when the question %s', (end) => {
    say('Started');
    expect(clock.pendingTimers).toBe(1);
    say(end);
    expect(clock.pendingTimers).toBe(0);
  });

  it('is left alone while an answer takes long on purpose, and when nobody watches any more', () => {
    say('Started', true);
    expect(clock.pendingTimers).toBe(0);
    say('Started');
    stop();
    say('Started');
    expect(clock.pendingTimers).toBe(0);
  });
});
