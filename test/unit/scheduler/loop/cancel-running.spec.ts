import { describe, expect, it } from 'vitest';
import { RunCancelledError } from 'nestjs-asyncz';
import type { Handler } from 'nestjs-asyncz';
import { recordEvents } from '../../../support/events.js';
import { MemoryCluster, pass } from '../../../support/memory.cluster.js';
import { createRunning, settle } from '../../../support/scheduler.factory.js';

/** A handler that works until its signal is aborted, and says so. */
function obedient(stopped: unknown[]): Handler {
  return (_args, { signal }) =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        stopped.push(signal.reason);
        reject(signal.reason as Error);
      });
    });
}

describe("overlap: 'cancelRunning'", () => {
  const task = { id: 'newest', handler: 'work', overlap: 'cancelRunning' } as const;

  it('aborts the run under way in the same process at once, and the newer one takes its place', async () => {
    const stopped: unknown[] = [];
    const { scheduler, clock } = await createRunning({ work: obedient(stopped) }, { lease: '1h' });
    const events = recordEvents(scheduler);
    await scheduler.addTask({ ...task, trigger: { type: 'interval', seconds: 5 } });
    for (let run = 1; run <= 4; run += 1) {
      clock.advance(5_000);
      await settle();
      expect(stopped).toHaveLength(run - 1);
    }
    expect(stopped.every((reason) => reason instanceof RunCancelledError)).toBe(true);
    expect(events.filter(({ name }) => name === 'run.started')).toHaveLength(4);
    const cancelled = events.flatMap((event) => (event.name === 'run.cancelled' ? event.run : []));
    expect(cancelled.map(({ cancel }) => cancel?.reason)).toEqual(Array(3).fill('a newer run takes its place'));
  });

  it('aborts the run of another process within a second or two where the store pushes wake-ups', async () => {
    const cluster = new MemoryCluster();
    const stopped: unknown[] = [];
    const first = await cluster.join('first', { work: obedient(stopped) }, { lease: '1h', pollInterval: '1h' });
    await first.addTask({ ...task, trigger: { type: 'interval', minutes: 1 } });
    await pass(cluster, 60_000, 5_000);
    // From now on only the other one claims.
    first.pause();
    const second = await cluster.join('second', { work: obedient([]) }, { lease: '1h', pollInterval: '1h' });
    await pass(cluster, 59_000, 1_000);
    expect(stopped).toEqual([]);
    await pass(cluster, 3_000, 1_000);
    expect(stopped).toMatchObject([{ request: { reason: 'a newer run takes its place' } }]);
    expect(await second.getTaskInfo('newest')).toMatchObject({ state: 'running' });
  });
});
