import { describe, expect, it } from 'vitest';
import { AsyncExecutor, DebugExecutor } from 'nestjs-asyncz';
import type { Executor } from 'nestjs-asyncz';
import { Gate, settle } from '../../../support/gate.js';
import { MemoryCluster } from '../../../support/memory.cluster.js';

const SOON = { type: 'date', runAt: new Date(0) } as const;
const boundless: Executor = { room: Infinity, execute: ({ invoke }) => invoke() };

describe('the use of executors', () => {
  it('is in the info of a scheduler, and for the others in its heartbeat', async () => {
    const cluster = new MemoryCluster();
    const gate = new Gate();
    const executors = { default: new AsyncExecutor({ concurrency: 5 }), one: new DebugExecutor(), boundless };
    const busy = await cluster.join('busy', { work: gate.handler }, { executors });
    const other = await cluster.join('other');
    for (const [id, executor] of [
      ['a', 'default'],
      ['b', 'default'],
      ['c', 'one'],
      ['d', 'one'],
    ] as const) {
      await busy.addTask({ id, handler: 'work', trigger: SOON, executor });
    }
    await settle();
    const use = [
      { alias: 'boundless', running: 0, room: null },
      { alias: 'default', running: 2, room: 3 },
      { alias: 'one', running: 1, room: 0 },
    ];
    expect((await busy.getSchedulerInfo()).executors).toEqual(use);
    cluster.clock.advance(15_000);
    await settle();
    const seen = (await other.getSchedulerInstanceInfos()).find(({ identity }) => identity === 'busy')!;
    expect(seen.executors).toEqual(use);
  });
});

describe('a debug executor', () => {
  it('starts a run when the one before has ended, in the order of the due times', async () => {
    const cluster = new MemoryCluster();
    const gate = new Gate();
    const scheduler = await cluster.join(
      'a',
      { work: gate.handler },
      { executors: { default: new DebugExecutor() }, startPaused: true },
    );
    for (const [at, id] of ['first', 'second', 'third'].entries()) {
      await scheduler.addTask({ id, handler: 'work', trigger: { type: 'date', runAt: new Date(at) } });
    }
    await scheduler.resume();
    await settle();
    for (const id of ['first', 'second', 'third']) {
      expect(gate.under).toEqual([id]);
      await gate.end(id);
      await settle();
    }
    expect(gate.order).toEqual(['first', 'second', 'third']);
    expect(gate.most).toBe(1);
  });
});
