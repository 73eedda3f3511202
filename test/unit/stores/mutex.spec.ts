import { describe, expect, it } from 'vitest';
import { Mutex } from '../../../lib/stores/mutex.js';

function deferred() {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

describe('Mutex', () => {
  it('lets one at a time through, in the order of asking', async () => {
    const mutex = new Mutex();
    const events: string[] = [];
    const work = (name: string) =>
      mutex.run(async () => {
        events.push(`${name} begins`);
        await new Promise((resolve) => setImmediate(resolve));
        events.push(`${name} ends`);
        return name;
      });
    expect(await Promise.all(['a', 'b', 'c'].map(work))).toEqual(['a', 'b', 'c']);
    expect(events).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  });

  it('goes on when one has failed, by a rejection or a throw', async () => {
    const mutex = new Mutex();
    const failing = mutex.run(() => Promise.reject(new Error('rejected')));
    const throwing = mutex.run(() => {
      throw new Error('thrown');
    });
    await expect(failing).rejects.toThrow('rejected');
    await expect(throwing).rejects.toThrow('thrown');
    expect(await mutex.run(async () => 'next')).toBe('next');
  });

  it('lets work through that has the lock already', async () => {
    const mutex = new Mutex();
    const result = await mutex.run(() => mutex.run(async () => mutex.run(async () => 'inner')));
    expect(result).toBe('inner');
  });

  it('keeps two locks apart, also one inside the other', async () => {
    const outer = new Mutex();
    const inner = new Mutex();
    const gate = deferred();
    const events: string[] = [];
    const first = outer.run(() =>
      inner.run(async () => {
        await outer.run(async () => events.push('outer again'));
        await gate.promise;
        events.push('first');
      }),
    );
    const second = inner.run(async () => events.push('second'));
    gate.resolve();
    await Promise.all([first, second]);
    // The second asked for the inner lock before the first had reached it.
    expect(events.toSorted()).toEqual(['first', 'outer again', 'second']);
  });

  it('does not let work through that was started under the lock and goes on without it', async () => {
    const mutex = new Mutex();
    const events: string[] = [];
    const ended = deferred();
    let late!: Promise<void>;
    await mutex.run(async () => {
      late = ended.promise.then(() =>
        mutex.run(async () => {
          events.push('late');
        }),
      );
    });
    const gate = deferred();
    const holder = mutex.run(async () => {
      await gate.promise;
      events.push('holder');
    });
    ended.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    gate.resolve();
    await Promise.all([holder, late]);
    expect(events).toEqual(['holder', 'late']);
  });
});
