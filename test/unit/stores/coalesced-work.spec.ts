import { describe, expect, it } from 'vitest';
import { CoalescedWork } from '../../../lib/stores/coalesced-work.js';

describe('work that is asked for by many', () => {
  it('is done once more for all that is asked for while it is done', async () => {
    let done = 0;
    const ends: (() => void)[] = [];
    const work = new CoalescedWork(async () => {
      await new Promise<void>((resolve) => ends.push(resolve));
      done += 1;
    });
    const asked = [work.ask(), work.ask(), work.ask()];
    ends.shift()!();
    await new Promise(setImmediate);
    expect([done, ends.length]).toEqual([1, 1]);
    ends.shift()!();
    await Promise.all(asked);
    expect(done).toBe(2);
    expect(work.running).toBeNull();
  });

  it.each(Array.from({ length: 12 }, (_, turns) => turns))(
    'is done for what is asked for %i turns after it has ended',
    async (turns) => {
      const waiting = ['first'];
      const taken: string[] = [];
      const work = new CoalescedWork(async () => {
        await Promise.resolve();
        taken.push(...waiting.splice(0));
      });
      void work.ask();
      while (taken.length === 0) await Promise.resolve();
      // An application's promises are settled in any of the turns in which those of the work are.
      for (let left = turns; left > 0; left -= 1) await Promise.resolve();
      waiting.push('second');
      void work.ask();
      await work.drained();
      expect(taken).toEqual(['first', 'second']);
    },
  );

  it('tells whoever asked that it failed, and is done when it is asked for again', async () => {
    let fails = true;
    const work = new CoalescedWork(async () => {
      await Promise.resolve();
      if (fails) throw new Error('not now');
    });
    await expect(work.ask()).rejects.toThrow('not now');
    fails = false;
    await expect(work.ask()).resolves.toBeUndefined();
  });
});
