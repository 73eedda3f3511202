import { beforeEach, describe, expect, it } from 'vitest';
import { SettableClock } from '../../../../lib/model/clock.js';
import { SILENT_LOGGER } from '../../../../lib/model/logger.js';
import { MongooseWakeUps } from '../../../../lib/stores/mongoose/mongoose.wakeups.js';
import type { WakeStream } from '../../../../lib/stores/mongoose/mongoose.wakeups.js';
import { until } from 'nestjs-asyncz/testing';

/** A stream that gives what it is told to, and fails when it is told to. */
class ScriptedStream implements WakeStream {
  isClosed = false;
  readonly #given: (() => IteratorResult<unknown>)[] = [];
  #awake: () => void = () => {};

  give(step: () => IteratorResult<unknown>): void {
    this.#given.push(step);
    this.#awake();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.give(() => ({ done: true, value: undefined }));
  }

  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    return {
      next: async () => {
        while (this.#given.length === 0) await new Promise<void>((resolve) => (this.#awake = resolve));
        return this.#given.shift()!();
      },
    };
  }
}

let clock: SettableClock;
let streams: ScriptedStream[];
let sent: number[];
let warnings: string[];
let send: (at: number) => Promise<void>;
let wakeUps: MongooseWakeUps;
let calls: number;

beforeEach(() => {
  clock = new SettableClock();
  streams = [];
  sent = [];
  warnings = [];
  calls = 0;
  send = async (at) => void sent.push(at);
  const open = () => {
    streams.push(new ScriptedStream());
    return streams.at(-1)!;
  };
  const logger = { ...SILENT_LOGGER, warn: (message: string) => warnings.push(message) };
  wakeUps = new MongooseWakeUps({ open, send: (at) => send(at) }, clock, logger);
});

const wake = () => streams.at(-1)!.give(() => ({ done: false, value: {} }));
const breakDown = () =>
  streams.at(-1)!.give(() => {
    throw new Error('the stream broke');
  });
const called = (times: number) => until(() => calls >= times, { what: `${times} calls`, timeoutMs: 2_000 });

describe('wake-ups by a change stream', () => {
  it('call every listener for each that comes in, until it ends', async () => {
    let others = 0;
    wakeUps.listen(() => (calls += 1));
    const end = wakeUps.listen(() => (others += 1));
    wake();
    await called(1);
    end();
    wake();
    await called(2);
    expect([calls, others, streams.length]).toEqual([2, 1, 1]);
    await wakeUps.close();
  });

  it('survive a listener that throws', async () => {
    wakeUps.listen(() => {
      throw new Error('of the test');
    });
    wakeUps.listen(() => (calls += 1));
    wake();
    await called(1);
    await wakeUps.close();
  });

  it('come in again after a failure, with growing pauses, one warning, and a look for what was missed', async () => {
    wakeUps.listen(() => (calls += 1));
    for (const [round, pause] of [100, 200, 400].entries()) {
      breakDown();
      await until(() => clock.pendingTimers === 1, { what: 'the pause' });
      clock.advance(pause - 1);
      expect(streams.length).toBe(round + 1);
      clock.advance(1);
      await called(round + 1);
      await until(() => streams.length === round + 2, { what: 'another stream' });
      expect(streams[round]!.isClosed).toBe(true);
    }
    expect(warnings.length).toBe(1);
    expect(warnings[0]).toContain('the stream broke');
    wake();
    await called(4);
    breakDown();
    await until(() => clock.pendingTimers === 1, { what: 'the pause' });
    clock.advance(100);
    await until(() => streams.length === 5, { what: 'another stream after a short pause' });
    await wakeUps.close();
  });

  it('end with the store, also in the middle of a pause', async () => {
    wakeUps.listen(() => (calls += 1));
    await wakeUps.close();
    expect(streams[0]!.isClosed).toBe(true);
    expect(warnings).toEqual([]);
  });

  it('stop waiting to listen again when the store ends', async () => {
    wakeUps.listen(() => (calls += 1));
    breakDown();
    await until(() => clock.pendingTimers === 1, { what: 'the pause' });
    await wakeUps.close();
    expect([streams.length, clock.pendingTimers]).toEqual([1, 0]);
  });

  it('are sent one at a time, those that come meanwhile put together, and failures kept quiet', async () => {
    let release = () => {};
    send = (at) => {
      sent.push(at);
      return new Promise((_, reject) => (release = () => reject(new Error('the server is away'))));
    };
    const all = [wakeUps.publish(50), wakeUps.publish(90), wakeUps.publish(70)];
    expect(sent).toEqual([50]);
    release();
    await until(() => sent.length === 2, { what: 'the second to be sent' });
    expect(sent).toEqual([50, 70]);
    release();
    await Promise.all(all);
    await wakeUps.close();
  });
});
