import { describe, expect, it } from 'vitest';
import { StoreInUseError } from '../../../lib/errors/store.errors.js';
import type { TaskRecord } from '../../../lib/model/task.js';
import { MEMBERSHIP_ID } from '../../../lib/stores/membership.record.js';
import { resultOf, startDue } from '../../../lib/testing/plan.fixtures.js';
import { createStoreContext } from '../../../lib/testing/store-context.js';
import { makeRun, makeTask } from '../../../lib/testing/task.fixtures.js';
import { Disk, EightMethodStore } from '../../support/eight-method.store.js';
import { claimDue, finishRuns, renewLeases } from '../../../lib/testing/store.steps.js';

const LEASE_MS = 60_000;
const REQUEST = { limit: 9, handlers: null };

/** A store that cannot write some tasks. */
class FlakyStore extends EightMethodStore {
  readonly broken = new Set<string>();

  protected override async write(task: TaskRecord): Promise<void> {
    if (this.broken.has(task.id)) throw new Error(`no space for ${task.id}`);
    await super.write(task);
  }
}

async function open(ids: readonly string[] = []): Promise<FlakyStore> {
  const store = new FlakyStore(new Disk());
  await store.start(createStoreContext());
  await store.addTasks(ids.map((id) => makeTask(id, { nextRunTime: 1 })));
  return store;
}

const claim = (store: FlakyStore) =>
  claimDue(
    store,
    REQUEST,
    startDue('me', LEASE_MS, () => 1),
  );

describe('BaseStore', () => {
  it('serves one scheduler at a time, and names the one that it serves', async () => {
    const store = await open();
    await expect((async () => store.start(createStoreContext({ identity: 'second' })))()).rejects.toThrow(
      StoreInUseError,
    );
    await store.shutdown();
    await store.start(createStoreContext({ identity: 'second' }));
    expect(await store.getAllTasks()).toEqual([]);
  });

  it('says that it was not started', async () => {
    const store = new EightMethodStore(new Disk());
    await expect((async () => store.now())()).rejects.toThrow('before it was started');
  });

  it('tells which changes could not be written, and keeps the others', async () => {
    const store = await open(['a', 'b', 'c']);
    store.broken.add('b');
    const { committed, failed } = await store.transact({ ids: ['a', 'b', 'c'] }, (task) => ({
      task,
      history: [],
      value: task.id,
    }));
    expect(committed.map(({ value }) => value)).toEqual(['a', 'c']);
    expect(failed).toEqual([{ id: 'b', error: new Error('no space for b') }]);
    expect(await store.lookupTask('b')).toMatchObject({ version: 1 });
  });

  it('rejects when none of the changes could be written', async () => {
    const store = await open(['a', 'b']);
    store.broken.add('a').add('b');
    await expect(claim(store)).rejects.toThrow('no space for a');
  });

  it('goes on after work that failed', async () => {
    const store = await open(['a']);
    store.broken.add('a');
    await expect(claim(store)).rejects.toThrow('no space');
    store.broken.clear();
    expect((await claim(store)).claimed).toHaveLength(1);
  });

  it('names the tasks whose claim could not be written', async () => {
    const store = await open(['a', 'b']);
    store.broken.add('a');
    const { claimed, failed, nextDue } = await claim(store);
    expect([claimed.map(({ id }) => id), failed.map(({ id }) => id)]).toEqual([['b'], ['a']]);
    expect(await nextDue()).toBe(1);
  });

  it('neither settles nor refuses a result that could not be written, so that it can be given again', async () => {
    const store = await open(['a', 'b']);
    const { claimed } = await claim(store);
    const results = claimed.map(({ task, start }) => resultOf(task!, start[0]!, 'succeeded'));
    store.broken.add('a');
    const first = await finishRuns(store, results);
    expect([first.settled.map(({ taskId }) => taskId), first.refused]).toEqual([['b'], []]);
    store.broken.clear();
    const second = await finishRuns(store, results);
    expect(second.settled.map(({ taskId }) => taskId)).toEqual(['a']);
    expect(second.refused.map(({ taskId }) => taskId)).toEqual(['b']);
    expect((await store.runs({}, { limit: 9 })).runs).toHaveLength(2);
  });

  it('does not call a lease lost whose renewal could not be written', async () => {
    const store = await open(['a', 'b']);
    const { claimed } = await claim(store);
    const refs = claimed.map(({ id, start }) => ({ taskId: id, runId: start[0]!.id, token: start[0]!.token }));
    store.broken.add('a');
    expect((await renewLeases(store, refs, LEASE_MS)).lost).toEqual([]);
  });

  it('begins anew with who uses it when that record cannot be read', async () => {
    const store = await open();
    const member = {
      identity: 'me',
      name: 'default',
      role: 'worker',
      host: 'h',
      pid: 1,
      version: '1',
      startedAt: 0,
      heartbeatAt: 0,
      stores: [],
      executors: [],
      handlers: [],
      running: 0,
      inputs: null,
      clockOffsetMs: 0,
      drain: null,
    } as const;
    await store.heartbeat({ ...member, identity: 'other' });
    const row = JSON.parse(store.disk.rows.get(MEMBERSHIP_ID)!) as object;
    store.disk.rows.set(MEMBERSHIP_ID, JSON.stringify({ ...row, definition: 'scribble' }));
    expect(await store.schedulers()).toEqual([]);
    await store.heartbeat(member);
    expect((await store.schedulers()).map(({ identity }) => identity)).toEqual(['me']);
  });

  it('keeps the last 10,000 ended runs', async () => {
    const store = await open();
    const runs = Array.from({ length: 10_050 }, (_, at) => makeRun(`r${at}`, { endedAt: at }));
    await store.saveRuns(runs);
    expect(await store.pruneRuns({ before: 50, keep: null, failedBefore: null, limit: 100 })).toBe(0);
    expect(await store.pruneRuns({ before: 51, keep: null, failedBefore: null, limit: 100 })).toBe(1);
    const { runs: latest } = await store.runs({}, { limit: 1 });
    expect(latest.map(({ id }) => id)).toEqual(['r10049']);
  });
});
