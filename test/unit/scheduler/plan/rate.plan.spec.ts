import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeTask } from 'nestjs-asyncz/testing';
import type { TaskRecord } from 'nestjs-asyncz/store';
import { changeRate, forgetRate, permitsAgainMs } from '../../../../lib/scheduler/plan/rate.plan.js';
import type { Permits, RateRequest, SettledPermits } from '../../../../lib/scheduler/plan/rate.plan.js';

const START = 1_000_000_000;

const request = (fields: Partial<RateRequest> = {}): RateRequest => ({
  max: 10,
  perMs: 10_000,
  count: 10,
  validMs: 200,
  settled: [],
  ...fields,
});

/** An account as a store keeps it. */
class Account {
  record: TaskRecord = makeTask('asyncz:rate:handler:work', { args: [] });

  ask(now: number, fields: Partial<RateRequest> = {}): Permits {
    const change = changeRate(request(fields))(this.record, now, []);
    if (change) this.record = change.task!;
    return change?.value ?? { count: 0, until: 0, isTight: true };
  }

  againMs(now: number, fields: Partial<RateRequest> = {}): number {
    return permitsAgainMs(this.record, request(fields), now);
  }
}

describe('the account of a rate limit', () => {
  it('grants no more than its limit, and nothing again before the first permits are so long ago', () => {
    const account = new Account();
    expect(account.ask(START, { count: 4 }).count).toBe(4);
    expect(account.ask(START + 1).count).toBe(6);
    expect(account.ask(START + 2).count).toBe(0);
    // What others have and do not use is there again when they have told of it.
    expect(account.againMs(START + 2)).toBeLessThan(300);
    const again = account.againMs(START + 302) + 300;
    // Counted at the end of their validity, in parts of a hundredth.
    expect(again).toBeGreaterThan(10_000);
    expect(again).toBeLessThan(10_400);
    expect(account.ask(START + 2 + again - 1).count).toBe(0);
    expect(account.ask(START + 2 + again).count).toBe(4);
    expect(account.ask(START + 2 + again + 100).count).toBe(6);
  });

  it('counts permits when they were used, where that is told, and forgets those that were not used', () => {
    const account = new Account();
    const { until } = account.ask(START);
    const settled = [{ until, granted: 10, used: 6, usedUntil: START + 20 }];
    expect(account.ask(START + 50, { settled, count: 10 }).count).toBe(4);
    expect(account.againMs(START + 300)).toBeLessThanOrEqual(10_100);
  });

  it('is asked again only when a share of the limit has come back', () => {
    const account = new Account();
    for (let at = 0; at < 100; at += 1) account.ask(START + at * 100, { max: 100, count: 1 });
    const now = START + 9_950;
    const again = account.againMs(now + 300, { max: 100, count: 100 }) + 300;
    expect(account.ask(now + again - 1, { max: 100, count: 100 }).count).toBe(4);
    expect(new Account().againMs(now)).toBe(0);
  });

  it('grants again soon after the time of the limit after a step back of the clock of the store', () => {
    const account = new Account();
    account.ask(START + 86_400_000);
    expect(account.ask(START).count).toBe(0);
    const again = account.againMs(START + 10_100) + 10_100;
    expect(again).toBeLessThan(20_300);
    expect(account.ask(START + again).count).toBe(10);
  });

  it('ignores what somebody has written into its record', () => {
    const account = new Account();
    account.record = makeTask('asyncz:rate:handler:work', { args: ['x', [1], [START, 'many'], null, [NaN, 3]] });
    expect(account.ask(START).count).toBe(10);
  });

  it('is removed when nobody has used it for long', () => {
    const account = new Account();
    account.ask(START);
    expect(forgetRate(60_000)(account.record, START + 59_999, [])).toBeNull();
    expect(forgetRate(60_000)(account.record, START + 60_000, [])).toMatchObject({ task: null });
  });

  it('lets no window of any place have more starts than the limit, whatever is told, lost and never used', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    const step = fc.record({
      /** How much of the time of the limit passes before the question. */
      pause: fc.oneof(
        fc.constant(0),
        share.map((part) => part * 0.05),
        share.map((part) => part * 0.6),
      ),
      wanted: share,
      /** How many of the permits are used, and when within their validity. */
      used: share,
      when: fc.array(share, { minLength: 1, maxLength: 8 }),
      /** Whether it is told by when they were used: a process may die, and an answer be lost. */
      isTold: fc.boolean(),
    });
    const limit = fc.record({ max: fc.integer({ min: 1, max: 30 }), perMs: fc.constantFrom(1_000, 1_700, 60_000) });
    fc.assert(
      fc.property(limit, fc.array(step, { minLength: 50, maxLength: 200 }), ({ max, perMs }, steps) => {
        const validMs = 200;
        const account = new Account();
        const starts: number[] = [];
        let settled: SettledPermits[] = [];
        let now = START;
        for (const { pause, wanted, used: usedShare, when, isTold } of steps) {
          now += Math.floor(pause * perMs);
          const { count, until } = account.ask(now, { max, perMs, validMs, settled, count: Math.ceil(wanted * max) });
          settled = [];
          if (count === 0) continue;
          const used = Math.round(usedShare * count);
          const at = Array.from({ length: used }, (_, index) => now + Math.floor(when[index % when.length]! * validMs));
          starts.push(...at);
          // Several schedulers ask at the same time: others go on before these have started.
          if (isTold) settled.push({ until, granted: count, used, usedUntil: Math.max(now, ...at) });
        }
        starts.sort((a, b) => a - b);
        for (let at = max; at < starts.length; at += 1) {
          if (starts[at]! - starts[at - max]! <= perMs) return false;
        }
        return account.record.definition.args.length < 250;
      }),
    );
  });

  it('has nearly all of the limit used, where more is wanted and told', () => {
    const account = new Account();
    const limit = { max: 100, perMs: 1_000, validMs: 200, count: 100 };
    let settled: SettledPermits[] = [];
    let started = 0;
    let now = START;
    while (now < START + 60_000) {
      const { count, until } = account.ask(now, { ...limit, settled });
      settled = [];
      started += count;
      // A round trip, and the starts.
      if (count > 0) settled.push({ until, granted: count, used: count, usedUntil: now + 8 });
      now += count > 0 ? 10 : Math.max(1, account.againMs(now, limit)) + 5;
    }
    expect(started / 6_000).toBeGreaterThan(0.95);
  });
});
