import { Scheduler } from 'nestjs-asyncz';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PLACES } from './places.js';

const NAMES = [
  'a\0b',
  '__proto__',
  'constructor',
  '"',
  "'",
  '\\',
  '\n',
  '\u2028',
  '😀',
  '\u00e9',
  'e\u0301',
  'E',
  'e',
  'k',
  'k ',
  ' ',
  '$set',
  'a.b',
  '%',
  '{a}',
  ';--',
  'x'.repeat(200),
];

const RESULTS = [
  'a\0b',
  '\ud800',
  { $gt: 1, 'a.b': 2, '': 3 },
  new Date(NaN),
  -0,
  NaN,
  10n ** 50n,
  new Map([[{ a: 1 }, new Set([1])]]),
  new Uint8Array([0, 255]),
  undefined,
  null,
  [undefined],
  'ü'.repeat(10_000),
];

describe.each(PLACES)('the steps of a run on $name', ({ open }) => {
  it('keep whatever names and results they have over attempts and sleeps, and are done once', async () => {
    const { store, close } = open('odd_steps');
    const done: string[] = [];
    const read: unknown[] = [];
    const scheduler = new Scheduler({ stores: { default: store }, pollInterval: '100ms' });
    scheduler.registerHandler('odd', async (_args, context) => {
      read.length = 0;
      for (const name of NAMES) read.push(await context.step(name, () => (done.push(name), name)));
      for (const [at, result] of RESULTS.entries()) {
        read.push(await context.step(`result ${at}`, () => (done.push(`result ${at}`), result)));
      }
      await context.sleep('50ms', { name: 'nap\0' });
      if (context.attempt === 1) throw new Error('once more');
    });
    onTestFinished(async () => {
      await scheduler.shutdown(0);
      await close();
    });
    await scheduler.start();
    const retry = { attempts: 2, backoff: 'fixed', delay: '10ms' } as const;
    await scheduler.addTask({ id: 'odd', handler: 'odd', retry, trigger: { type: 'interval', hours: 1 } });
    const run = await scheduler.runTask('odd', { wait: true });
    expect(run).toMatchObject({ status: 'succeeded', attempt: 2 });
    expect(read).toEqual([...NAMES, ...RESULTS]);
    expect(done).toEqual([...NAMES, ...RESULTS.map((_, at) => `result ${at}`)]);
  });
});
