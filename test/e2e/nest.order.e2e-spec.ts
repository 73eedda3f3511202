import { Global, Inject, Injectable, Module } from '@nestjs/common';
import type { BeforeApplicationShutdown, INestApplicationContext, OnApplicationBootstrap, Type } from '@nestjs/common';
import type { OnApplicationShutdown, OnModuleDestroy, OnModuleInit } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { describe, expect, it, vi } from 'vitest';
import { AsynczModule, getSchedulerToken, ScheduledTask, SchedulerService } from 'nestjs-asyncz';
import { closeAfterTest } from './nest.application.js';

type Boot = (root: Type) => Promise<INestApplicationContext>;

const APPLICATIONS: Record<string, Boot> = {
  'an HTTP application': async (root) => (await NestFactory.create(root, { logger: false })).init(),
  'an application context': (root) => NestFactory.createApplicationContext(root, { logger: false }),
  'a testing module': async (root) =>
    (
      await Test.createTestingModule({ imports: [root] })
        .setLogger(false as never)
        .compile()
    ).init(),
};

/** An application in which the scheduler is imported first, and everything that has hooks writes down when they are called. */
function applicationOf(asyncz: () => ReturnType<typeof AsynczModule.forRoot>) {
  const order: string[] = [];
  let release = () => {};
  abstract class Noted implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy {
    onModuleInit() {
      order.push(`${this.constructor.name} initialised`);
    }
    async onApplicationBootstrap() {
      await new Promise((resolve) => setImmediate(resolve));
      order.push(`${this.constructor.name} ready`);
    }
    onModuleDestroy() {
      order.push(`${this.constructor.name} closed`);
    }
  }
  abstract class NotedToTheEnd extends Noted implements BeforeApplicationShutdown, OnApplicationShutdown {
    beforeApplicationShutdown() {
      order.push(`${this.constructor.name} before shutdown`);
    }
    onApplicationShutdown() {
      order.push(`${this.constructor.name} shut down`);
    }
  }
  class Database extends NotedToTheEnd {}
  class Deep extends Noted {}
  class Feature extends Noted {}
  class OfRoot extends Noted {}
  @Injectable()
  class Jobs {
    @ScheduledTask({ trigger: 'date', id: 'job' })
    async work() {
      order.push('RUN STARTED');
      await new Promise<void>((resolve) => (release = resolve));
      order.push('RUN ENDED');
    }
  }
  @Module({ providers: [Deep, Jobs] })
  class DeepModule {}
  @Module({ imports: [DeepModule], providers: [Feature] })
  class FeatureModule {}
  @Global()
  @Module({ providers: [Database] })
  class DatabaseModule {}
  @Module({ imports: [asyncz(), FeatureModule, DatabaseModule], providers: [OfRoot] })
  class RootModule extends Noted {}
  return { RootModule, order, release: () => release() };
}

describe.each(Object.entries(APPLICATIONS))('the scheduler of %s', (_what, start) => {
  it('runs tasks when everything else is ready, and stops before anything closes, though it is imported first', async () => {
    const { RootModule, order, release } = applicationOf(() => AsynczModule.forRoot());
    const app = await start(RootModule);
    closeAfterTest(app);
    await vi.waitFor(() => expect(order).toContain('RUN STARTED'));
    const scheduler = app.get<SchedulerService>(SchedulerService, { strict: false });
    const names = ['Database', 'Deep', 'Feature', 'OfRoot', 'RootModule'];
    const started = order.indexOf('RUN STARTED');
    for (const name of names) expect(order.slice(0, started)).toContain(`${name} ready`);
    const closed = app.close();
    await vi.waitFor(() => expect(scheduler.state).toBe('stopping'));
    release();
    await closed;
    const ended = order.indexOf('RUN ENDED');
    expect(ended).toBeGreaterThan(started);
    for (const name of names) expect(order.slice(ended)).toContain(`${name} closed`);
    expect(order.slice(ended)).toContain('Database shut down');
  });
});

it('a scheduler deep in the tree, or of another name, is the last to start and the first to stop too', async () => {
  const { RootModule, order, release } = applicationOf(() => {
    @Module({ imports: [AsynczModule.forRootAsync({ name: 'other', useFactory: () => ({}) })] })
    class Inner {}
    @Module({ imports: [Inner] })
    class Outer {}
    return { module: Outer };
  });
  const app = await NestFactory.createApplicationContext(RootModule, { logger: false });
  closeAfterTest(app);
  await vi.waitFor(() => expect(order.at(-1)).toBe('RUN STARTED'));
  const closed = app.close();
  const scheduler = app.get<SchedulerService>(getSchedulerToken('other'), { strict: false });
  await vi.waitFor(() => expect(scheduler.state).toBe('stopping'));
  release();
  await closed;
  expect(order[order.indexOf('RUN STARTED') + 1]).toBe('RUN ENDED');
});

it('what asks for a run in a hook of the root module is told that the scheduler starts later', async () => {
  @Injectable()
  class OfRoot implements OnApplicationBootstrap {
    constructor(@Inject(SchedulerService) private readonly scheduler: SchedulerService) {}
    async onApplicationBootstrap() {
      expect(this.scheduler.state).toBe('stopped');
      await expect(this.scheduler.runTask('job')).rejects.toMatchObject({ code: 'ASYNCZ_NOT_RUNNING' });
    }
  }
  @Module({ imports: [AsynczModule.forRoot()], providers: [OfRoot] })
  class RootModule {}
  closeAfterTest(await NestFactory.createApplicationContext(RootModule, { logger: false }));
});
