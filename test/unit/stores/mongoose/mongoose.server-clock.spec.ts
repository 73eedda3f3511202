import { beforeEach, describe, expect, it } from 'vitest';
import { SettableClock } from '../../../../lib/model/clock.js';
import { ServerClock } from '../../../../lib/stores/mongoose/mongoose.server-clock.js';

const T0 = 1_700_000_000_000;

let clock: SettableClock;
/** The server's clock minus this machine's steady one. */
let serverOffset: number;
let wayMs: number;
let asked: number;
let down: boolean;
let serverClock: ServerClock;

beforeEach(() => {
  clock = new SettableClock(T0);
  serverOffset = T0;
  wayMs = 0;
  asked = 0;
  down = false;
  serverClock = new ServerClock(async () => {
    asked += 1;
    if (down) throw new Error('the server is away');
    clock.advance(wayMs / 2);
    const localTime = new Date(serverOffset + clock.monotonic());
    clock.advance(wayMs / 2);
    return { localTime };
  }, clock);
});

describe("the server's clock", () => {
  it('is asked for once, and carried on', async () => {
    serverOffset = T0 + 5_000_000;
    expect(await serverClock.now()).toBe(T0 + 5_000_000);
    clock.advance(1_234);
    expect(await serverClock.now()).toBe(T0 + 5_001_234);
    expect(asked).toBe(1);
  });

  it('does not follow the clock of this machine when that is set', async () => {
    expect(await serverClock.now()).toBe(T0);
    clock.advance(1_000);
    clock.set(T0 - 86_400_000);
    expect(await serverClock.now()).toBe(T0 + 1_000);
    clock.set(T0 + 86_400_000);
    expect(await serverClock.now()).toBe(T0 + 1_000);
  });

  it("is this machine's to the millisecond while the two agree as far as can be told", async () => {
    wayMs = 40;
    serverOffset = T0 + 15;
    expect(await serverClock.now()).toBe(clock.now());
    clock.advance(500);
    expect(await serverClock.now()).toBe(clock.now());
  });

  it('takes the half of the way into account when they do not', async () => {
    wayMs = 40;
    serverOffset = T0 + 10_000;
    expect(await serverClock.now()).toBe(T0 + 10_000 + clock.monotonic());
  });

  it('is asked for again after a minute, and follows when it was set', async () => {
    expect(await serverClock.now()).toBe(T0);
    serverOffset = T0 + 3_600_000;
    clock.advance(60_001);
    expect(await serverClock.now()).toBe(T0 + 3_660_001);
    expect(asked).toBe(2);
  });

  it('is asked for once by many at the same time', async () => {
    await Promise.all([serverClock.now(), serverClock.now(), serverClock.now()]);
    expect(asked).toBe(1);
  });

  it('goes on while the server is away, and is unknown when it was never reached', async () => {
    down = true;
    await expect(serverClock.now()).rejects.toThrow('the server is away');
    down = false;
    await serverClock.now();
    down = true;
    clock.advance(600_000);
    expect(await serverClock.now()).toBe(T0 + 600_000);
  });
});
