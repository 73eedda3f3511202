import { readFile, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { StoreInUseError } from '../../../../lib/errors/store.errors.js';
import { ProcessPresence } from '../../../../lib/stores/file/process.presence.js';
import { newFolder } from './file-store.fixture.js';

function presence(folder: string, realm: string, scheduler = realm): ProcessPresence {
  const one = new ProcessPresence({ folder, mode: 0o600, alias: 'files', scheduler, realm });
  onTestFinished(() => one.leave());
  return one;
}

/** Makes everything in the folder look as if it was written so long ago. */
async function age(folder: string, seconds: number): Promise<void> {
  const time = performance.timeOrigin / 1_000 - seconds;
  for (const file of await readdir(folder)) await utimes(join(folder, file), time, time);
}

describe('the processes that use a directory', () => {
  it('are as many as there may be where they share the lock', async () => {
    const folder = newFolder();
    await Promise.all(Array.from({ length: 4 }, () => presence(folder, 'here').enter()));
    expect(await readdir(folder)).toHaveLength(4);
  });

  it('are refused while one lives that does not share the lock, and the error says who', async () => {
    const folder = newFolder();
    const first = presence(folder, 'there', 'scheduler-1');
    await first.enter();
    const attempt = { isOver: false };
    const second = presence(folder, 'here').enter();
    void second.catch(() => {}).finally(() => (attempt.isOver = true));
    // It lives: it says so, again and again.
    for (let beats = 0; beats < 200 && !attempt.isOver; beats += 1) {
      await first.beat();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await expect(second).rejects.toThrow(StoreInUseError);
    await expect(second).rejects.toThrow(new RegExp(`"files".*"scheduler-1" \\(process ${process.pid} on `));
    expect(await readdir(folder)).toHaveLength(1);
    await first.verify();
    await first.leave();
    await presence(folder, 'here').enter();
  });

  it('are not kept out by one that died long ago, and what it left is removed', async () => {
    const folder = newFolder();
    const dead = presence(folder, 'there');
    await dead.enter();
    await age(folder, 60);
    const next = presence(folder, 'here');
    await next.enter();
    expect(await readdir(folder)).toHaveLength(1);
    // The dead one was only frozen. It must not write any more, as long as the other is there.
    await expect(dead.beat().then(() => dead.verify())).rejects.toThrow(StoreInUseError);
    await next.verify();
    await next.leave();
    await dead.verify();
  });

  it('let one of several go on that start at the same moment and do not share the lock', async () => {
    const folder = newFolder();
    const all = ['a', 'b', 'c'].map((realm) => presence(folder, realm));
    const outcomes = await Promise.allSettled(all.map((one) => one.enter()));
    const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
    expect(refused).toHaveLength(2);
    for (const reason of refused) expect(reason).toBeInstanceOf(StoreInUseError);
    expect(await readdir(folder)).toHaveLength(1);
  });

  it('know whether they are alone', async () => {
    const folder = newFolder();
    const first = presence(folder, 'here');
    await first.enter();
    expect(await first.isAlone()).toBe(true);
    const second = presence(folder, 'here');
    await second.enter();
    expect(await first.isAlone()).toBe(false);
    await second.leave();
    expect(await first.isAlone()).toBe(true);
  });

  it('say again that they are there when what said so was removed', async () => {
    const folder = newFolder();
    const one = presence(folder, 'here');
    await one.enter();
    for (const file of await readdir(folder)) await rm(join(folder, file));
    await one.beat();
    await one.verify();
    const [file] = await readdir(folder);
    expect(JSON.parse(await readFile(join(folder, file!), 'utf8'))).toMatchObject({ realm: 'here', state: 'running' });
  });

  it('take a file that says nothing for a stranger, who is dead when it does not change', async () => {
    const folder = newFolder();
    await writeFile(join(folder, 'x.json'), 'rubbish');
    await age(folder, 60);
    await presence(folder, 'here').enter();
    expect(await readdir(folder)).not.toContain('x.json');
  });
});
