import { readdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { until } from 'nestjs-asyncz/testing';
import { isUnreadable } from '../../../lib/model/task.js';
import type { FileStore } from '../../../lib/stores/file/file.store.js';
import { newFolder, openStore } from '../../unit/stores/file/file-store.fixture.js';
import { FileStoreProcess } from './file-store.process.js';
import type { Told } from './file-store.process.js';
import { mountTmpfs } from './tmpfs.js';

const KILLS = 200;

/** How many processes are at work at the same time; each that is killed is followed by another one. */
const PROCESSES = 2;

/** Half a second of the processor for each kill, most of it for starting a process. */
const TIMEOUT_MS = 400_000;

/** How long a lease holds, in milliseconds: so short that the living take over from the dead within the test. */
const LEASE_MS = 1_500;

/** What the processes have told, and what must be true of the directory therefore. */
class Ledger {
  readonly added = new Set<string>();
  readonly changed = new Set<string>();
  readonly finishing = new Set<string>();
  readonly finished = new Map<string, number>();
  readonly failures: string[] = [];
  readonly intended = new Set<string>();
  full = 0;

  take({ type, ids, message }: Told): void {
    if (type === 'full') this.full += 1;
    if (type === 'failed') this.failures.push(message ?? '');
    for (const id of ids ?? []) {
      if (type === 'adding') this.intended.add(id);
      if (type === 'added') this.added.add(id);
      if (type === 'changed') this.changed.add(id);
      if (type === 'finishing') this.finishing.add(id);
      if (type === 'finished') this.finished.set(id, (this.finished.get(id) ?? 0) + 1);
    }
  }

  /** Every task that was acknowledged is there, whole, once; and none is there that has ended. */
  async check(store: FileStore, directory: string): Promise<void> {
    const stored = await store.getAllTasks();
    const there = new Map(stored.map((task) => [task.id, task]));
    expect(this.failures).toEqual([]);
    expect(stored.filter(isUnreadable)).toEqual([]);
    expect(there.size).toBe(stored.length);
    expect([...this.added].filter((id) => !there.has(id) && !this.finishing.has(id))).toEqual([]);
    expect([...there.keys()].filter((id) => !this.intended.has(id) || this.finished.has(id))).toEqual([]);
    expect([...this.finished].filter(([, times]) => times > 1)).toEqual([]);
    const lost = [...this.changed].filter((id) => {
      const task = there.get(id);
      return task && !isUnreadable(task) && task.definition.name !== 'changed';
    });
    expect(lost).toEqual([]);
    // One that is open may be writing the files of tasks just now.
    const temporary = join(directory, '.asyncz', 'tmp');
    await until(async () => (await readdir(temporary)).length === 0);
  }

  /** What was acknowledged as ended stands in the history, once. */
  async checkHistory(store: FileStore): Promise<void> {
    const succeeded = new Map<string, number>();
    let cursor: string | undefined;
    for (let pages = 0; pages < 1_000; pages += 1) {
      const page = await store.runs({ status: 'succeeded' }, { limit: 1_000, ...(cursor !== undefined && { cursor }) });
      for (const { id, attempt, token } of page.runs) {
        const key = `${id}/${attempt}/${token}`;
        succeeded.set(key, (succeeded.get(key) ?? 0) + 1);
      }
      if (page.next === null) break;
      cursor = page.next;
    }
    expect([...succeeded].filter(([, times]) => times > 1)).toEqual([]);
    const tasks = new Set([...succeeded.keys()].map((key) => key.slice(0, key.indexOf('@'))));
    expect([...this.finished.keys()].filter((id) => !tasks.has(id))).toEqual([]);
  }
}

describe('a directory whose processes are killed', () => {
  it(
    'has every task that was acknowledged, whole and once, after 200 kills at any moment',
    { timeout: TIMEOUT_MS },
    async () => {
      const random = seededRandom('kills');
      const directory = newFolder();
      const ledger = new Ledger();
      let started = 0;
      const oneAfterTheOther = async () => {
        while (started < KILLS) {
          const one = await FileStoreProcess.open(`p${(started += 1)}`, { directory });
          one.onTold((told) => ledger.take(told));
          await one.ask('churn', { claims: true, leaseMs: LEASE_MS, most: 30 });
          // Within its first steps, while all that it does at the same time is under way; later there is less to interrupt.
          await one.hasTold(Math.floor(random() * 12));
          await pause(random() * 20);
          await one.kill();
        }
      };
      await Promise.all(Array.from({ length: PROCESSES }, oneAfterTheOther));
      const store = await openStore({ directory });
      await ledger.check(store, directory);
      await ledger.checkHistory(store);
      expect(ledger.intended.size - ledger.added.size, 'adds that a kill interrupted').toBeGreaterThan(KILLS / 4);
      expect(ledger.added.size).toBeGreaterThan(KILLS);
      expect(ledger.finished.size).toBeGreaterThan(50);
      // What is left can be run, each task once.
      const left = (await store.getAllTasks()).map(({ id }) => id).sort();
      await pause(LEASE_MS);
      const heir = await FileStoreProcess.open('heir', { directory });
      expect((await heir.ask<string[]>('drain', 100)).sort()).toEqual(left);
      expect(await store.getAllTasks()).toEqual([]);
    },
  );

  it('has them too when the disk is full most of the time', { timeout: TIMEOUT_MS }, async () => {
    const random = seededRandom('kills on a full disk');
    const disk = mountTmpfs('3m');
    const directory = join(disk, 'tasks');
    const ledger = new Ledger();
    // A journal that is to get shorter needs room for that, so something else on the disk has to give way.
    const ballast = join(disk, 'ballast');
    let blocks = 400;
    const makeRoom = async () => {
      expect((blocks -= 12)).toBeGreaterThan(0);
      await truncate(ballast, blocks * 4_096);
    };
    await writeFile(ballast, Buffer.alloc(blocks * 4_096));
    const store = await openStore({ directory });
    let started = 0;
    const launch = async () => {
      const one = await FileStoreProcess.create(`p${(started += 1)}`, { directory });
      one.onTold((told) => ledger.take(told));
      for (let tries = 0; ; tries += 1) {
        try {
          await one.ask('start');
          break;
        } catch (error) {
          expect(error).toMatchObject({ code: 'ASYNCZ_FILE_DISK_FULL' });
          expect(tries).toBeLessThan(20);
          await makeRoom();
        }
      }
      await one.ask('churn', { claims: started % 3 === 0, leaseMs: LEASE_MS, most: 1e9 });
      return one;
    };
    const running = [await launch(), await launch()];
    for (let kills = 0; kills < 20; kills += 1) {
      const next = launch();
      await pause(random() * 200);
      await running.shift()!.kill();
      running.push(await next);
    }
    for (const one of running) await one.kill();
    // One that starts removes what the dead were writing; it needs a little room for that.
    await makeRoom();
    await openStore({ directory });
    await ledger.check(store, directory);
    await ledger.checkHistory(store);
    expect(ledger.full).toBeGreaterThan(20);
    expect(ledger.added.size).toBeGreaterThan(50);
  });
});

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Numbers from 0 to 1 that are the same for the same seed, which is printed. */
function seededRandom(what: string): () => number {
  const seed = Number(process.env.ASYNCZ_SEED ?? Math.floor(Math.random() * 2 ** 32));
  console.log(`${what}: ASYNCZ_SEED=${seed}`);
  let state = seed >>> 0;
  return () => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
