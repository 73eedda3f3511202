import { existsSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ReadOnlyError, Scheduler } from 'nestjs-asyncz';
import { clusterStores } from '../cluster/cluster.stores.js';
import type { Backing } from '../cluster/cluster.stores.js';
import { useMongodb } from '../support/mongodb.js';
import { dumpStore } from '../support/store.dump.js';

const mongodb = useMongodb();

async function startedOn(backing: Backing, role: 'client' | 'observer'): Promise<Scheduler> {
  const scheduler = new Scheduler({ role, stores: { default: backing.open() } });
  onTestFinished(() => scheduler.shutdown(0));
  await scheduler.start();
  return scheduler;
}

describe.each(clusterStores(() => mongodb.url()))('an observer of $name', ({ create }) => {
  it('changes nothing of a store, and is seen by nobody', async () => {
    const backing = create();
    onTestFinished(() => backing.dispose());
    const client = await startedOn(backing, 'client');
    await client.addTask({ id: 'due', handler: 'work', trigger: { type: 'date', runAt: new Date() } });
    await client.shutdown();
    const before = await dumpStore(backing.store);
    expect(Object.keys(before)).not.toEqual([]);

    const observer = await startedOn(backing, 'observer');
    expect(await observer.getTaskInfo('due')).toMatchObject({ id: 'due', state: 'scheduled' });
    expect(await observer.getSchedulerInstanceInfos()).toEqual([]);
    await expect(observer.pauseTask('due')).rejects.toThrow(ReadOnlyError);
    await expect(observer.addTask({ handler: 'work', trigger: { type: 'interval', hours: 1 } })).rejects.toThrow(
      ReadOnlyError,
    );
    await expect(observer.removeAllTasks()).rejects.toThrow(ReadOnlyError);
    expect(await dumpStore(backing.store)).toEqual(before);
    await observer.shutdown();
    expect(await dumpStore(backing.store)).toEqual(before);
  });

  it('makes no store where there is none', async () => {
    const backing = create();
    onTestFinished(() => backing.dispose().catch(() => {}));
    const { directory, database } = backing.store.options as { directory?: string; database?: string };
    const isMadeByDriver = backing.store.className === 'RedisStore' || backing.store.className === 'MongooseStore';
    if (isMadeByDriver) {
      const observer = await startedOn(backing, 'observer');
      expect((await observer.getTaskInfos()).total).toBe(0);
      expect(await dumpStore(backing.store)).toEqual({});
      return;
    }
    await expect(startedOn(backing, 'observer')).rejects.toMatchObject({ code: 'ASYNCZ_STORE_START' });
    if (directory !== undefined) expect(await dumpStore(backing.store)).toEqual({});
    if (database?.startsWith('sqlite:')) expect(existsSync(database.slice('sqlite:'.length))).toBe(false);
  });
});
