import { describe, expect, it } from 'vitest';
import { SettableClock } from '../../../../lib/model/clock.js';
import { ClaimPasses } from '../../../../lib/scheduler/loop/claim.passes.js';
import { settle } from '../../../support/gate.js';

describe('a claim that was asked for ahead', () => {
  it('is not over while a pass is about to start its runs', async () => {
    const starts: (() => void)[] = [];
    const claim = { claimed: [], simple: [], failed: [], left: [], storeNow: 0, nextDue: () => null };
    const parts = {
      claimer: {
        ask: () => ({}),
        start: async (_asked: unknown, ahead: { held(runs: readonly never[]): void }) => {
          ahead.held([]);
          await new Promise<void>((resolve) => starts.push(resolve));
          return { claim, mayStartMore: false };
        },
      },
      requests: { next: () => ({}), isContended: true, isAnotherDue: () => true },
      ends: { catchUp: () => Promise.resolve(), flush: () => {} },
      limits: { hasUnused: () => false },
      health: { worked: () => {} },
      clock: new SettableClock(0),
      isHeldUp: () => false,
    };
    const passes = new ClaimPasses({ takes: true, coordination: 'cluster' } as never, parts as never);
    const first = passes.pass();
    await settle();
    starts.shift()!();
    await first;
    expect(passes.isAhead).toBe(true);
    parts.isHeldUp = () => true;
    let isOver = false;
    for (const _ahead of [1, 2]) {
      const next = passes.pass();
      await settle();
      void passes.aheadIsOver().then(() => (isOver = true));
      await settle();
      expect(isOver).toBe(false);
      starts.shift()!();
      await next;
      await settle();
    }
    expect(isOver).toBe(true);
  });
});
