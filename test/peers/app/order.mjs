// The scheduler starts last and stops first wherever it is imported: in each kind of application, with this version of NestJS.
import 'reflect-metadata';
import assert from 'node:assert/strict';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Transport } from '@nestjs/microservices';
import { AsynczModule, ScheduledTask, SchedulerService } from 'nestjs-asyncz';

const TCP = { transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 } };
const LOGGER = ['error', 'warn'];

const APPLICATIONS = {
  'application context': (root) => NestFactory.createApplicationContext(root, { logger: LOGGER }),
  'HTTP application': async (root) => {
    const app = await NestFactory.create(root, { logger: LOGGER });
    await app.listen(0, '127.0.0.1');
    return app;
  },
  microservice: async (root) => {
    const app = await NestFactory.createMicroservice(root, { ...TCP, logger: LOGGER });
    await app.listen();
    return app;
  },
  'hybrid application': async (root) => {
    const app = await NestFactory.create(root, { logger: LOGGER });
    app.connectMicroservice(TCP);
    await app.startAllMicroservices();
    await app.listen(0, '127.0.0.1');
    return app;
  },
};

/** Everything that has hooks writes down when they are called. */
function rootModule() {
  const order = [];
  let release;
  const running = new Promise((resolve) => {
    release = resolve;
  });
  let began;
  const started = new Promise((resolve) => {
    began = resolve;
  });
  class Noted {
    async onApplicationBootstrap() {
      await new Promise((resolve) => setImmediate(resolve));
      order.push(`${this.constructor.name} ready`);
    }
    onModuleDestroy() {
      order.push(`${this.constructor.name} closed`);
    }
  }
  class Feature extends Noted {}
  class OfRoot extends Noted {}
  class Jobs {
    async work() {
      order.push('run started');
      began();
      await running;
      order.push('run ended');
    }
  }
  const method = Object.getOwnPropertyDescriptor(Jobs.prototype, 'work');
  ScheduledTask({ trigger: 'date', id: 'job' })(Jobs.prototype, 'work', method);
  // oxlint-disable-next-line typescript/no-extraneous-class -- a module; plain JavaScript has no decorators
  class FeatureModule {}
  Module({ providers: [Feature, Jobs] })(FeatureModule);
  class RootModule extends Noted {}
  Module({ imports: [AsynczModule.forRoot(), FeatureModule], providers: [OfRoot] })(RootModule);
  return { RootModule, order, started, release };
}

for (const [kind, start] of Object.entries(APPLICATIONS)) {
  const { RootModule, order, started, release } = rootModule();
  const app = await start(RootModule);
  await started;
  const stopped = app.close();
  const scheduler = app.get(SchedulerService);
  while (scheduler.state !== 'stopping') await new Promise((resolve) => setImmediate(resolve));
  release();
  await stopped;
  assert.deepEqual(order.slice(3, 5), ['run started', 'run ended'], `${kind}: ${order.join(', ')}`);
  assert.equal(order.length, 8, `${kind}: ${order.join(', ')}`);
}
