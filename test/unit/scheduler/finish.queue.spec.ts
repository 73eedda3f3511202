import { describe, expect, it } from 'vitest';
import { SystemClock } from '../../../lib/model/clock.js';
import { FinishQueue } from '../../../lib/scheduler/finish.queue.js';
import { WakeableWait } from '../../../lib/scheduler/wait.js';
import type { RunResult } from '../../../lib/stores/store.interface.js';

const result = (runId: string): RunResult => ({ taskId: 't', runId, token: 1, record: null, retryAt: null });

describe('the ends of runs', () => {
  it.each(Array.from({ length: 12 }, (_, turns) => turns))(
    'reach the store also %i turns after it has taken others',
    async (turns) => {
      const taken: string[] = [];
      const store = {
        finishRuns: async (results: readonly RunResult[]) => {
          await Promise.resolve();
          taken.push(...results.map(({ runId }) => runId));
          const settled = results.map(({ runId, taskId, token }) => ({
            runId,
            taskId,
            token,
            task: null,
            paused: false,
          }));
          return { settled, refused: [] };
        },
      };
      const listener = { settled: () => {}, failed: () => 0, worked: () => {} };
      const queue = new FinishQueue(store, new WakeableWait(new SystemClock()), listener);
      queue.add(result('first'));
      while (taken.length === 0) await Promise.resolve();
      for (let left = turns; left > 0; left -= 1) await Promise.resolve();
      queue.add(result('second'));
      await queue.drained();
      expect(taken).toEqual(['first', 'second']);
      expect(queue.size).toBe(0);
    },
  );
});
