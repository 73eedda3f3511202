import { Injectable } from '@nestjs/common';
import type { Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { AsynczModule, ScheduledTask, SchedulerService } from 'nestjs-asyncz';
import type { AsynczModuleOptions } from 'nestjs-asyncz';

@Injectable()
class Nothing {}

@Injectable()
class OneShot {
  @ScheduledTask({ trigger: 'date' })
  once() {}
}

@Injectable()
class Hourly {
  @ScheduledTask({ trigger: 'cron', expression: '0 * * * *' })
  hourly() {}
}

@Injectable()
class Yearly {
  @ScheduledTask({ trigger: 'cron', expression: '0 0 1 1 *' })
  yearly() {}
}

beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2026, 5, 1, 12, 30) }));
afterEach(() => void vi.useRealTimers());

async function boot(provider: Type, options: AsynczModuleOptions) {
  const testing = Test.createTestingModule({ imports: [AsynczModule.forRoot(options)], providers: [provider] });
  const app = await testing.setLogger(false as never).compile();
  await app.init();
  return { app, scheduler: app.get<SchedulerService>(SchedulerService, { strict: false }) };
}

describe('an application under fake timers', () => {
  it.each([
    ['nothing to do', Nothing],
    ['a one-shot that is over', OneShot],
    ['a task in an hour', Hourly],
    ['a task in half a year', Yearly],
  ])('with %s closes without any of them being advanced, and leaves none behind', async (_what, provider) => {
    const { app, scheduler } = await boot(provider, {});
    if (provider === OneShot) {
      await vi.advanceTimersByTimeAsync(1_000);
      expect(await scheduler.getTaskInfo('OneShot.once')).toMatchObject({ state: 'finished' });
    }
    await app.close();
    expect(scheduler.state).toBe('stopped');
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each(['default', 'client'] as const)('on files, as a %s, closes too', async (role) => {
    const directory = await mkdtemp(join(tmpdir(), 'asyncz-fake-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const stores = { default: { type: 'file', directory } };
    const { app } = await boot(Nothing, role === 'client' ? { role, stores } : { stores });
    await app.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('closes right after its start, and while it is paused', async () => {
    const { app, scheduler } = await boot(Nothing, { startPaused: true });
    expect(scheduler.state).toBe('paused');
    await app.close();
    const other = await boot(Hourly, {});
    await other.app.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('runs four days of a task in a zone whose clocks change, at the times of its clock', async () => {
    vi.setSystemTime(Date.UTC(2026, 2, 28, 0, 30));
    const times: string[] = [];
    @Injectable()
    class Lisbon {
      @ScheduledTask({ trigger: 'cron', expression: '0 2 * * *', timezone: 'Europe/Lisbon' })
      nightly() {
        times.push(new Date().toISOString());
      }
    }
    const { app } = await boot(Lisbon, {});
    await vi.advanceTimersByTimeAsync(3 * 86_400_000);
    await app.close();
    expect(times.map((time) => time.slice(5, 16))).toEqual(['03-28T02:00', '03-29T01:00', '03-30T01:00']);
  });
});
