import { execFileSync } from 'node:child_process';
import { appendFile, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { UnreadableTask } from '../../../../lib/model/task.js';
import { createStoreContext } from '../../../../lib/testing/store-context.js';
import { FileStore } from '../../../../lib/stores/file/file.store.js';
import { startDue } from '../../../../lib/testing/plan.fixtures.js';
import { claimDue } from '../../../../lib/testing/store.steps.js';
import { makeRun, makeTask } from '../../../../lib/testing/task.fixtures.js';
import { filed, newFolder, openStore, RecordingLogger } from './file-store.fixture.js';

const CLAIM = { limit: 100, handlers: null };

describe('what somebody else put into the directory of a file store', () => {
  it.runIf(process.platform !== 'win32')('a pipe hangs neither a list nor a claim nor the shutdown', async () => {
    const directory = newFolder();
    execFileSync('mkfifo', [join(directory, 'pipe.task'), join(directory, 'later.task')]);
    const store = new FileStore({ directory });
    await store.start(createStoreContext());
    await store.addTask(makeTask('a', { nextRunTime: 1 }));
    const listed = await store.getAllTasks();
    expect(listed.map((task) => [task.id, 'unreadable' in task && task.unreadable])).toEqual([
      ['a', false],
      ['later', 'damaged'],
      ['pipe', 'damaged'],
    ]);
    expect((await claimDue(store, CLAIM, startDue('x', 600_000))).claimed.map(({ id }) => id)).toEqual(['a']);
    await store.shutdown();
  });

  it('a link is not followed, and nothing of what it leads to is told', async () => {
    const directory = newFolder();
    const elsewhere = join(newFolder(), 'passwords');
    await writeFile(elsewhere, 'root:x:0:0');
    await symlink(elsewhere, join(directory, 'x.task'));
    const store = await openStore({ directory });
    const found = await store.lookupTask('x');
    expect(found).toMatchObject({ unreadable: 'damaged', message: expect.stringContaining('something else') });
    expect(JSON.stringify(found)).not.toContain('root');
    expect(await store.deleteTask('x')).toBe(true);
    expect(await readFile(elsewhere, 'utf8')).toBe('root:x:0:0');
  });

  it('a link in place of the history is not followed either: runs are kept, or refused, but never written elsewhere', async () => {
    const directory = newFolder();
    const elsewhere = join(newFolder(), 'other');
    await writeFile(elsewhere, '');
    const first = await openStore({ directory });
    await first.saveRuns([makeRun('r')]);
    const segment = join(directory, '.asyncz', 'runs', '00000001.jsonl');
    await rm(segment);
    await symlink(elsewhere, segment);
    await expect(first.saveRuns([makeRun('s')])).rejects.toMatchObject({ code: 'ASYNCZ_FILE_IO' });
    expect(await readFile(elsewhere, 'utf8')).toBe('');
  });

  it('a text is shown in no message, whatever its damage', async () => {
    const directory = newFolder();
    const messages: string[] = [];
    const store = await openStore({ directory }, { onUnreadable: ({ message }) => messages.push(message) });
    await store.addTask(makeTask('a'));
    await filed(store, directory, ['a.task']);
    const whole = await readFile(join(directory, 'a.task'), 'utf8');
    for (const text of ['secret: 4711', '{"secret": 4711', whole.replace('"name": "a"', '"name": secret4711')]) {
      await writeFile(join(directory, 'a.task'), text);
      expect(await store.lookupTask('a')).toHaveProperty('unreadable');
    }
    await writeFile(join(directory, 'secret4711.task'), whole);
    await store.getAllTasks();
    expect(messages.length).toBeGreaterThan(3);
    expect(messages.join('\n')).not.toMatch(/secret|4711/);
  });

  it('a file of 5 MB does not stop the process: it stays, and is listed as too large', async () => {
    const directory = newFolder();
    const reported: UnreadableTask[] = [];
    const limits = { maxPayloadBytes: 500_000, maxRecordBytes: 1_000_000 };
    const store = await openStore({ directory }, { ...limits, onUnreadable: (task) => reported.push(task) });
    await store.addTasks([makeTask('bad', { nextRunTime: 1 }), makeTask('good', { nextRunTime: 1 })]);
    await filed(store, directory, ['bad.task']);
    await writeFile(join(directory, 'bad.task'), '#'.repeat(5_000_000));
    expect((await claimDue(store, CLAIM, startDue('x', 600_000))).claimed.map(({ id }) => id)).toEqual(['good']);
    expect(await store.lookupTask('bad')).toMatchObject({
      unreadable: 'too-large',
      message: 'The record has 5000000 bytes or more; at most 1000000 are read (maxRecordBytes).',
    });
    expect(reported.at(-1)).toMatchObject({ id: 'bad', unreadable: 'too-large' });
  });

  it('a line of 5 MB in the history is left out, and logged', async () => {
    const directory = newFolder();
    const logger = new RecordingLogger();
    const limits = { maxPayloadBytes: 500_000, maxRecordBytes: 1_000_000 };
    const store = await openStore({ directory }, { ...limits, logger });
    await store.saveRuns([makeRun('r')]);
    const line = JSON.stringify({ id: 'x', outcome: '#'.repeat(5_000_000) });
    await appendFile(join(directory, '.asyncz', 'runs', '00000001.jsonl'), `${line}\n`);
    expect((await store.runs({}, { limit: 5 })).runs.map(({ id }) => id)).toEqual(['r']);
    expect(logger.lines.join('\n')).toContain('Line 2');
  });
});
