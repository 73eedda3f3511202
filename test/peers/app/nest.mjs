// An application on the connections that the modules of NestJS give it: a task on each of its stores, run to its end.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventEmitter2, EventEmitterModule } from '@nestjs/event-emitter';
import { MongooseModule } from '@nestjs/mongoose';
import { TypeOrmModule } from '@nestjs/typeorm';
import ioredis from 'ioredis';
import mongoose from 'mongoose';
import { AsynczModule, SchedulerService, TaskHandler } from 'nestjs-asyncz';
import { mongooseStore } from 'nestjs-asyncz/mongoose';
import { redisStore } from 'nestjs-asyncz/redis';
import { typeormStore } from 'nestjs-asyncz/typeorm';
import typeorm from 'typeorm';
import { DATA_SOURCES, MONGODB_DATABASE, NAMES, placeOf } from './stores.mjs';

const imports = [];
const stores = {};
for (const name of NAMES) {
  if (name in DATA_SOURCES) {
    imports.push(TypeOrmModule.forRoot({ ...DATA_SOURCES[name], name }));
    stores[name] = typeormStore({ dataSource: name, tableName: placeOf('nest') });
  } else if (name === 'redis') {
    stores[name] = redisStore({ url: process.env.ASYNCZ_TEST_REDIS_URL, tasksKey: placeOf('nest') });
  } else {
    imports.push(MongooseModule.forRoot(process.env.ASYNCZ_TEST_MONGODB_URL, { dbName: MONGODB_DATABASE }));
    stores[name] = mongooseStore({ collection: placeOf('nest') });
  }
}

class Greetings {
  greet(name) {
    return `hello ${name}`;
  }
}
TaskHandler('greet')(Greetings.prototype, 'greet', Object.getOwnPropertyDescriptor(Greetings.prototype, 'greet'));

// oxlint-disable-next-line typescript/no-extraneous-class -- a module; plain JavaScript has no decorators
class AppModule {}
imports.push(EventEmitterModule.forRoot(), AsynczModule.forRoot({ stores, eventEmitter: true }));
Module({ imports, providers: [Greetings] })(AppModule);

const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error', 'warn'] });
const scheduler = app.get(SchedulerService);
for (const store of NAMES) {
  const ended = app.get(EventEmitter2).waitFor('asyncz.run.succeeded');
  await scheduler.addTask({ handler: 'greet', args: [store], store });
  const [{ run }] = await ended;
  const { result } = run;
  if (result !== `hello ${store}`) throw new Error(`On ${store}: ${result}`);
}
await app.close();

// Nothing stays behind on a server that somebody else uses too.
for (const name of NAMES) {
  if (name in DATA_SOURCES) {
    const dataSource = await new typeorm.DataSource(DATA_SOURCES[name]).initialize();
    for (const table of ['tasks', 'runs', 'schedulers'])
      await dataSource.query(`DROP TABLE ${placeOf('nest')}_${table}`);
    await dataSource.destroy();
  } else if (name === 'redis') {
    const client = new ioredis.default(process.env.ASYNCZ_TEST_REDIS_URL);
    for (const key of await client.keys(`*${placeOf('nest')}*`)) await client.del(key);
    await client.quit();
  } else {
    const connection = mongoose.createConnection(process.env.ASYNCZ_TEST_MONGODB_URL, { dbName: MONGODB_DATABASE });
    await (await connection.asPromise()).dropDatabase();
    await connection.close();
  }
}
