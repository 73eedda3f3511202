import { describe, expect, it } from 'vitest';
import { InvalidOptionError, NonRetryableError, RetryLaterError } from 'nestjs-asyncz';
import type { HandlerPolicy, TaskPolicyOptions } from 'nestjs-asyncz';
import { nextEvent } from '../../../support/events.js';
import { RecordingLogger } from '../../../support/recording.logger.js';
import { createRunning } from '../../../support/scheduler.factory.js';

/** Runs a task whose handler throws, and says after how long it is tried again, in milliseconds; null where it is not. */
async function waitAfter(error: unknown, policy: HandlerPolicy = {}, retry: TaskPolicyOptions['retry'] = null) {
  const logger = new RecordingLogger();
  const { scheduler, clock, store } = await createRunning({}, { logger });
  const fail = () => {
    throw error;
  };
  scheduler.registerHandler('fail', fail, policy);
  const attempt = async (begin: () => unknown): Promise<number | null> => {
    const failed = nextEvent(scheduler, 'run.failed');
    await begin();
    const { willRetry, run } = await failed;
    expect(run.dead).toBe(!willRetry);
    const task = await store.lookupTask('a');
    return task !== null && 'state' in task && willRetry ? task.state.live[0]!.availableAt - clock.now() : null;
  };
  const waitMs = await attempt(() => scheduler.addTask({ id: 'a', handler: 'fail', retry }));
  return { waitMs, logger, next: (ms: number) => attempt(() => clock.advance(ms)) };
}

/** Three attempts, a minute between them. */
const THRICE = { attempts: 3, backoff: 'fixed', delay: '1m' };

describe('an error of a handler', () => {
  it('that is a NonRetryableError ends the run for good, also one of a class of its own', async () => {
    class CardDeclined extends NonRetryableError {
      override readonly code = 'CARD_DECLINED';
    }
    expect((await waitAfter(new Error('no'), {}, THRICE)).waitMs).toBe(60_000);
    expect((await waitAfter(new NonRetryableError('no'), {}, THRICE)).waitMs).toBeNull();
    expect((await waitAfter(new CardDeclined('no'), {}, THRICE)).waitMs).toBeNull();
  });

  it('decides also where another copy of the package has made it', async () => {
    const never = Object.assign(new Error('no'), { code: 'ASYNCZ_NON_RETRYABLE' });
    const later = Object.assign(new Error('no'), { code: 'ASYNCZ_RETRY_LATER', afterMs: 5_000 });
    expect((await waitAfter(never, {}, THRICE)).waitMs).toBeNull();
    expect((await waitAfter(later, {}, THRICE)).waitMs).toBe(5_000);
    const broken = Object.assign(new Error('no'), { code: 'ASYNCZ_RETRY_LATER', afterMs: 'soon' });
    expect((await waitAfter(broken, {}, THRICE)).waitMs).toBe(60_000);
  });

  it('that is a RetryLaterError says when the next attempt is, and its task how many there are', async () => {
    const { waitMs, next } = await waitAfter(new RetryLaterError('30s'), {}, { attempts: 2, backoff: 'fixed' });
    expect(waitMs).toBe(30_000);
    expect(await next(30_000)).toBeNull();
  });

  it('that is a RetryLaterError is obeyed without a retry of the task, a hundred times', async () => {
    const { waitMs, next } = await waitAfter(new RetryLaterError(1_000));
    expect(waitMs).toBe(1_000);
    for (let attempt = 2; attempt < 100; attempt += 1) expect(await next(1_000)).toBe(1_000);
    expect(await next(1_000)).toBeNull();
  });

  it('that is a RetryLaterError is obeyed whatever the policy of the handler says', async () => {
    const policy = { retryOn: [TypeError], backoff: () => '1h' };
    expect((await waitAfter(new RetryLaterError(5), policy, THRICE)).waitMs).toBe(5);
  });

  it.each(['soon', -1, NaN, '400d', undefined])('cannot ask for a wait of %s', (after) => {
    expect(() => new RetryLaterError(after as string)).toThrow(InvalidOptionError);
  });
});

describe('the policy of a handler', () => {
  it('takes classes of errors, and subclasses with them', async () => {
    class Special extends RangeError {}
    expect((await waitAfter(new Special(), { retryOn: [TypeError, RangeError] }, THRICE)).waitMs).toBe(60_000);
    expect((await waitAfter(new Error(), { retryOn: [TypeError, RangeError] }, THRICE)).waitMs).toBeNull();
    expect((await waitAfter(new Special(), { abortOn: [RangeError] }, THRICE)).waitMs).toBeNull();
    expect((await waitAfter('a text', { abortOn: [RangeError] }, THRICE)).waitMs).toBe(60_000);
  });

  it('says how long to wait by error and attempt, within the attempts of the task', async () => {
    const policy: HandlerPolicy = {
      backoff: (error, attempt) => ((error as Error).message === 'busy' ? attempt * 7 : undefined),
    };
    const busy = await waitAfter(new Error('busy'), policy, THRICE);
    expect(busy.waitMs).toBe(7);
    expect(await busy.next(7)).toBe(14);
    expect(await busy.next(14)).toBeNull();
    expect((await waitAfter(new Error('other'), policy, THRICE)).waitMs).toBe(60_000);
    expect((await waitAfter(new Error('no retry'), policy)).waitMs).toBeNull();
  });

  it.each(['retryOn', 'abortOn'])(
    'is not followed where %s answers with something else than true or false',
    async (option) => {
      for (const wrong of [undefined, null, 0, 'yes', Promise.resolve(true)]) {
        const { waitMs, logger } = await waitAfter(
          new Error(),
          { [option]: () => wrong as unknown as boolean },
          THRICE,
        );
        expect(waitMs).toBeNull();
        expect(logger.of('error', /What the handler "\w+" says of retries failed/)).toHaveLength(1);
      }
    },
  );

  it('says with null that no attempt follows', async () => {
    expect((await waitAfter(new Error(), { backoff: () => null }, THRICE)).waitMs).toBeNull();
  });

  it.each([NaN, -5, 'soon', Promise.resolve(5), {}])('is not followed where its back-off gives %s', async (wrong) => {
    const { waitMs, logger } = await waitAfter(new Error(), { backoff: () => wrong as number }, THRICE);
    expect(waitMs).toBeNull();
    expect(logger.of('error', /The back-off of task "a" failed/)).toHaveLength(1);
  });

  it.each([
    [{ retryOn: 'TypeError' }, /Invalid retryOn: "TypeError"/],
    [{ retryOn: TypeError }, /Invalid retryOn: function TypeError/],
    [{ abortOn: Error }, /Invalid abortOn: function Error/],
    [{ abortOn: [TypeError, 'x'] }, /Invalid abortOn/],
    [{ backoff: 1_000 }, /Invalid backoff: 1000/],
  ])('is refused when it is registered: %o', async (policy, message) => {
    const { scheduler } = await createRunning();
    expect(() => scheduler.registerHandler('x', () => {}, policy as unknown as HandlerPolicy)).toThrow(message);
    expect(() => scheduler.registerHandler('x', () => {})).not.toThrow();
  });
});
