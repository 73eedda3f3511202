import { Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { describe, expect, it } from 'vitest';
import { AsynczModule, ScheduledTask } from 'nestjs-asyncz';
import { boot, EVERY_HOUR, idsOf } from './nest.application.js';

const touched: string[] = [];

/** What automatic mocks are: every property is there, and is a function. */
const mock: unknown = new Proxy(() => mock, {
  get: (_target, key) => (key === 'then' ? undefined : mock),
});

class WithGetter {
  get danger(): never {
    touched.push('danger');
    throw new Error('A getter was called.');
  }
}

const ODD: Record<string, unknown> = {
  nothing: null,
  missing: undefined,
  number: 1,
  text: 'text',
  symbol: Symbol('s'),
  bare: Object.create(null) as unknown,
  frozen: Object.freeze({ a: 1 }),
  list: [1, 2],
  mock,
  getter: new WithGetter(),
  ofBare: Object.create(Object.create(null) as object) as unknown,
};

@Injectable()
class Reports {
  @ScheduledTask({ ...EVERY_HOUR, id: 'reports' })
  run() {}
}

describe('an application', () => {
  // nestjs/schedule#142, PR 1418, golevelup/nestjs#583: odd values of providers stop the start.
  it.each(Object.keys(ODD))('starts with a provider whose value is odd: %s', async (name) => {
    @Module({ providers: [{ provide: 'ODD', useValue: ODD[name] }] })
    class OddModule {}
    const { scheduler } = await boot([Reports], {}, { modules: [OddModule] });
    expect(await idsOf(scheduler)).toEqual(['reports']);
    expect(touched).not.toContain('danger');
  });

  // nestjs/schedule#326, nestjs/nest#899, #4199: test modules keep the process open.
  it('leaves nothing behind in the process when many were compiled and closed, a third of them without a start', async () => {
    const open = () => process.getActiveResourcesInfo().toSorted();
    const one = async (isStarted: boolean) => {
      const app = await Test.createTestingModule({ imports: [AsynczModule.forRoot()], providers: [Reports] }).compile();
      app.useLogger(false);
      if (isStarted) await app.init();
      await app.close();
    };
    await one(true);
    const before = open();
    for (let at = 0; at < 60; at += 1) await one(at % 3 !== 0);
    expect(open()).toEqual(before);
  });
});
