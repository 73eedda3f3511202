// A test in jest: every entry of the package loads, and the conformance kit passes on what jest has loaded.
import * as main from 'nestjs-asyncz';
import * as api from 'nestjs-asyncz/api';
import * as classValidator from 'nestjs-asyncz/class-validator';
import * as client from 'nestjs-asyncz/client';
import * as mongoose from 'nestjs-asyncz/mongoose';
import * as opentelemetry from 'nestjs-asyncz/opentelemetry';
import * as prometheus from 'nestjs-asyncz/prometheus';
import * as redis from 'nestjs-asyncz/redis';
import * as store from 'nestjs-asyncz/store';
import * as terminus from 'nestjs-asyncz/terminus';
import * as testing from 'nestjs-asyncz/testing';
import * as triggers from 'nestjs-asyncz/triggers';
import * as typeorm from 'nestjs-asyncz/typeorm';

declare module 'nestjs-asyncz' {
  interface TaskHandlers {
    'entries.double': (number: number) => number;
  }
}

export async function misuse(scheduler: main.SchedulerService): Promise<void> {
  // @ts-expect-error an argument of the wrong type
  await scheduler.addTask({ handler: 'entries.double', args: ['1'] });
}

describe('the entries', () => {
  it('have one set of classes', () => {
    for (const own of [
      main.MemoryStore,
      main.FileStore,
      redis.RedisStore,
      typeorm.TypeormStore,
      mongoose.MongooseStore,
    ]) {
      expect(own.prototype).toBeInstanceOf(store.BaseStore);
    }
    // Who asks is not said: it does not start.
    expect(() => api.AsynczApiModule.forRoot({} as never)).toThrow('auth');
    expect(client.AsynczClient.prototype).toHaveProperty('getTask');
    expect(classValidator.dtoSchema(Object)).toHaveProperty('~standard');
    expect(typeof opentelemetry.openTelemetry()).toBe('function');
    expect(prometheus.AsynczPrometheusModule.forRoot()).toHaveProperty('controllers');
    expect(terminus.AsynczHealthIndicator.prototype).toHaveProperty('isReady');
    expect(main.createTrigger({ type: 'interval', seconds: 1 })).toBeInstanceOf(triggers.BaseTrigger);
  });
});

testing.describeStore('a store in jest', () => new main.MemoryStore());
