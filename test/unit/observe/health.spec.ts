import { AsyncExecutor, MemoryStore } from 'nestjs-asyncz';
import type { SchedulerHealth } from 'nestjs-asyncz';
import { describe, expect, it } from 'vitest';
import { createRunning, createScheduler, settle, START } from '../../support/scheduler.factory.js';

const statusOf = ({ checks }: SchedulerHealth) =>
  Object.fromEntries(checks.map(({ check, status }) => [check, status]));
const messageOf = ({ checks }: SchedulerHealth, name: string) => checks.find(({ check }) => check === name)!.message;

describe('the health of a scheduler', () => {
  it('is ok while it runs and its store answers', async () => {
    const { scheduler } = await createRunning({ work: () => {} });
    await settle();
    const health = await scheduler.health();
    expect(health).toMatchObject({ status: 'ok', live: true, ready: true });
    expect(statusOf(health)).toEqual({ scheduler: 'ok', store: 'ok', lateness: 'ok', loop: 'ok', handlers: 'ok' });
  });

  it('is live and not ready before the start and after the stop', async () => {
    const { scheduler } = createScheduler();
    expect(await scheduler.health()).toMatchObject({ status: 'failing', live: true, ready: false });
    await scheduler.start();
    expect(await scheduler.health()).toMatchObject({ ready: true });
    await scheduler.shutdown();
    expect(await scheduler.health()).toMatchObject({ status: 'failing', live: true, ready: false });
  });

  it('is not ready while it starts', async () => {
    let open = () => {};
    class Slow extends MemoryStore {
      override start(...args: Parameters<MemoryStore['start']>): never {
        return new Promise<void>((resolve) => (open = resolve)).then(() => super.start(...args)) as never;
      }
    }
    const { scheduler } = createScheduler({}, { store: new Slow() });
    const starting = scheduler.start();
    await settle();
    const health = await scheduler.health();
    expect(health).toMatchObject({ live: true, ready: false });
    expect(messageOf(health, 'scheduler')).toContain('It starts');
    open();
    await starting;
    expect(await scheduler.health()).toMatchObject({ ready: true });
  });

  it('is not ready while it is drained, and ready while it is only paused', async () => {
    const { scheduler } = await createRunning();
    scheduler.pause();
    const paused = await scheduler.health();
    expect(paused).toMatchObject({ status: 'warning', ready: true, live: true });
    expect(messageOf(paused, 'scheduler')).toContain('resume()');
    scheduler.resume();
    await scheduler.drainScheduler(scheduler.identity);
    await settle();
    expect(await scheduler.health()).toMatchObject({ status: 'warning', ready: false, live: true });
    await scheduler.undrainScheduler(scheduler.identity);
    await settle();
    expect(await scheduler.health()).toMatchObject({ ready: true });
  });

  it('is not ready while a store refuses, and stays live', async () => {
    let isGone = false;
    class Refusing extends MemoryStore {
      override getNextRunTime(): number | null {
        if (isGone) throw new Error('connection refused');
        return super.getNextRunTime();
      }
    }
    const { scheduler, clock } = await createRunning({}, { store: new Refusing() });
    isGone = true;
    const health = await scheduler.health();
    expect(health).toMatchObject({ status: 'failing', live: true, ready: false });
    expect(messageOf(health, 'store')).toContain('connection refused');
    isGone = false;
    clock.advance(5_000);
    expect(await scheduler.health()).toMatchObject({ status: 'ok', ready: true });
  });

  it('fails where tasks are late, and stays ready: all nodes would be taken away at once', async () => {
    const { scheduler } = await createRunning({ work: () => {} }, { startPaused: true });
    await scheduler.addTask({ handler: 'work', trigger: { type: 'date', runAt: new Date(START - 301_000) } });
    const health = await scheduler.health();
    expect(health).toMatchObject({ status: 'failing', live: true, ready: true });
    expect(messageOf(health, 'lateness')).toMatch(/^1 tasks are due, the oldest for 5m1s\. /);
    expect((await scheduler.health({ maxLateness: '10m' })).status).toBe('warning');
  });

  it('is not live when a pass of the loop hangs and the store answers, and nothing but that', async () => {
    let hangs = false;
    class Hanging extends MemoryStore {
      override exchange(...args: Parameters<MemoryStore['exchange']>): ReturnType<MemoryStore['exchange']> {
        return hangs ? (new Promise(() => {}) as never) : super.exchange(...args);
      }
    }
    const { scheduler, clock } = await createRunning({ work: () => {} }, { store: new Hanging() });
    // A loop that has nothing to do rests for long.
    clock.advance(30_000);
    await settle();
    expect(await scheduler.health()).toMatchObject({ live: true });
    hangs = true;
    await scheduler.addTask({ handler: 'work' });
    await settle();
    clock.advance(59_000);
    expect(await scheduler.health()).toMatchObject({ live: true });
    clock.advance(6_000);
    const health = await scheduler.health();
    expect(health).toMatchObject({ status: 'failing', live: false });
    expect(messageOf(health, 'loop')).toContain('Restart the process');
  });

  it('stays live for as long as a paused loop rests', async () => {
    const { scheduler, clock } = await createRunning();
    scheduler.pause();
    await settle();
    clock.advance(86_400_000);
    expect(await scheduler.health()).toMatchObject({ live: true });
  });

  it('warns of handlers that run on after their runs', async () => {
    const { scheduler, clock } = await createRunning(
      { deaf: () => new Promise(() => {}) },
      { executors: { default: new AsyncExecutor() } },
    );
    await scheduler.addTask({ handler: 'deaf', timeout: '1s' });
    await settle();
    clock.advance(1_000);
    clock.advance(5_000);
    await settle();
    const health = await scheduler.health();
    expect(health).toMatchObject({ status: 'warning', live: true, ready: true });
    expect(messageOf(health, 'handlers')).toContain('1 handlers still run although their runs are over ("deaf")');
  });

  it('refuses options that there are none of', async () => {
    const { scheduler } = createScheduler();
    await expect(scheduler.health({ late: 1 } as never)).rejects.toThrow(/late/);
    await expect(scheduler.health({ maxLateness: 'soon' as never })).rejects.toThrow(/maxLateness/);
    await expect(scheduler.health(null as never)).rejects.toThrow(/health/);
  });
});
