import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AsynczError, AsynczModule, createTrigger, Scheduler, SettableClock } from 'nestjs-asyncz';
import { POLICY_OPTIONS } from '../../../lib/model/task.policies.js';
import { SCHEDULER_OPTIONS } from '../../../lib/scheduler/scheduler.options.js';

/** What options of every kind may be by mistake. */
const ODD: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  Number.NaN,
  Infinity,
  8.64e15,
  7n,
  '',
  'text',
  Symbol('odd'),
  () => {},
  [],
  [null],
  [undefined],
  {},
  { a: null },
  { a: 1 },
  Object.create(null),
  new Date(Number.NaN),
  new Map(),
  new Proxy(
    {},
    {
      get: () => {
        throw new Error('trap');
      },
    },
  ),
];

/** The error of a call; null for none. Whatever is thrown has to be one of this library. */
function refusal(work: () => unknown): unknown {
  try {
    work();
    return null;
  } catch (error) {
    return error;
  }
}

/** The getters of a proxy are the application's own code, and may throw what they like. */
const isOurs = (error: unknown) =>
  error === null || error instanceof AsynczError || (error as Error).message === 'trap';

describe('an odd value of an option', () => {
  it.each(SCHEDULER_OPTIONS)('%s of a scheduler is refused by an error of this library', (option) => {
    for (const value of ODD) {
      const error = refusal(() => new Scheduler({ [option]: value } as never));
      expect(isOurs(error), `${option}: ${String(error)}`).toBe(true);
    }
  });

  it.each([...SCHEDULER_OPTIONS, 'storeTypes', 'imports'])(
    '%s of the module is refused by an error of this library',
    (option) => {
      for (const value of ODD) {
        for (const error of [
          refusal(() => AsynczModule.forRoot({ [option]: value } as never)),
          refusal(() => AsynczModule.forRootAsync({ useFactory: () => ({}), [option]: value } as never)),
        ]) {
          expect(isOurs(error), `${option}: ${String(error)}`).toBe(true);
        }
      }
    },
  );

  it.each(POLICY_OPTIONS)('%s of taskDefaults is refused by an error of this library', (option) => {
    for (const value of ODD) {
      const error = refusal(() => new Scheduler({ taskDefaults: { [option]: value } } as never));
      expect(isOurs(error), `${option}: ${String(error)}`).toBe(true);
    }
  });

  it('in the place of all options is refused too', () => {
    for (const value of ODD.filter((one) => typeof one !== 'object' || one === null)) {
      for (const make of [
        () => new Scheduler(value as never),
        () => AsynczModule.forRoot(value as never),
        () => AsynczModule.forRootAsync(value as never),
      ]) {
        expect(refusal(make), String(value)).toMatchObject({ code: 'ASYNCZ_INVALID_OPTION' });
      }
    }
  });

  it('of several options at once is refused by an error of this library', () => {
    const odd = fc.constantFrom(...ODD);
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...SCHEDULER_OPTIONS), odd), (options) => {
        expect(isOurs(refusal(() => new Scheduler(options as never)))).toBe(true);
        expect(isOurs(refusal(() => AsynczModule.forRoot(options as never)))).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    [{ type: 'or', triggers: Array(1) as never[] }],
    [{ type: 'or', triggers: [null] }],
    [{ type: 'and', triggers: [{ type: 'interval', every: 8.64e15 }] }],
    [{ type: 'interval', every: 8.64e15 }],
    [{ type: 'date', runAt: 8.64e15 }],
    [{ type: 'date', runAt: -8.64e15 }],
  ])('of a trigger is refused by an error of this library, or works: %o', (options) => {
    const error = refusal(() => {
      const trigger = createTrigger(options as never);
      trigger.describe();
      trigger.nextOccurrence(null, Date.now(), { taskId: 'task' });
    });
    expect(isOurs(error), String(error)).toBe(true);
  });
});

describe('an option that is null', () => {
  it.each(['stores', 'lease', 'startPaused', 'clock', 'retention', 'taskDefaults'])(
    '%s is not taken for left out',
    (option) => {
      expect(refusal(() => new Scheduler({ [option]: null } as never))).toMatchObject({
        code: 'ASYNCZ_INVALID_OPTION',
      });
    },
  );
});

it('a clock is taken by a scheduler and by the module', () => {
  const clock = new SettableClock(0);
  expect(refusal(() => new Scheduler({ clock }))).toBeNull();
  expect(refusal(() => AsynczModule.forRoot({ clock }))).toBeNull();
});
