import { Scheduler } from 'nestjs-asyncz';
import { describe, expect, it } from 'vitest';
import { PLACES } from './places.js';

const ODD = [
  'a:b',
  'a::b',
  ':',
  '1',
  '007',
  '1e3',
  '-1',
  '0',
  'NaN',
  'null',
  'undefined',
  'true',
  '[]',
  '{}',
  '{a}',
  '{a}b',
  'a/b',
  '../a',
  '..',
  '.',
  '.hidden',
  'a.',
  'a\\b',
  'C:\\a',
  'a b',
  ' a',
  'a ',
  '\t',
  '\n',
  'a\r\nb',
  '"',
  "'",
  '`',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'con',
  'aux',
  'nul.task',
  'x.task',
  '*',
  '?',
  '<>|',
  '%',
  '%s',
  '%25',
  '_',
  'a_b',
  'a%b',
  '$1',
  '$',
  '--',
  ';DROP TABLE x',
  '#',
  '@',
  '!',
  '~',
  '^',
  '&',
  '+',
  '=',
  'a',
  'A',
  '\u00e1',
  'a\u0301',
  '\u00c1',
  '\u00df',
  'ss',
  'SS',
  '\u0130',
  'i',
  'I',
  '\u0131',
  '\u{1f600}',
  '\u{1f469}\u200d\u{1f680}',
  '\u202e',
  '\ufeff',
  '\u2028',
  '\u0001',
  '\u007f',
  'x'.repeat(255),
  '\u{1f600}'.repeat(127),
];

// taskforcesh/bullmq#3382, #4052, #2718: ids with colons or of digits are refused or lost.
describe.each(PLACES)('odd ids on $name', ({ open }) => {
  it('each run once, are found, listed once and deleted', async () => {
    const { store, close } = open('oddids');
    const scheduler = new Scheduler({ stores: { default: store } });
    try {
      scheduler.registerHandler('work', () => 'done');
      const ran: string[] = [];
      let allRan = (): void => {};
      const all = new Promise<void>((resolve) => (allRan = resolve));
      scheduler.addListener((event) => {
        if (event.name !== 'run.succeeded') return;
        ran.push(event.taskId);
        if (ran.length === ODD.length) allRan();
      });
      await scheduler.start();
      // Paused, so that each is there to be found.
      for (const id of ODD) {
        await scheduler.addTask({ id, handler: 'work', trigger: { type: 'interval', days: 1 }, paused: true });
      }
      const { tasks } = await scheduler.getTaskInfos({ limit: 1_000 });
      expect(tasks.map(({ id }) => id).sort()).toEqual(ODD.toSorted());
      for (const id of ODD) expect((await scheduler.getTask(id))!.id).toBe(id);
      await Promise.all(ODD.map((id) => scheduler.runTask(id)));
      await all;
      expect(ran.toSorted()).toEqual(ODD.toSorted());
      for (const id of ODD) await scheduler.deleteTask(id);
      expect((await scheduler.getTaskInfos({ limit: 1_000 })).total).toBe(0);
      for (const id of ['', 'a\0b', '\ud800', 'x'.repeat(256), 'asyncz:mine']) {
        await expect(scheduler.addTask({ id, handler: 'work' })).rejects.toMatchObject({
          code: 'ASYNCZ_INVALID_OPTION',
          option: 'id',
        });
      }
    } finally {
      await scheduler.shutdown(0);
      await close();
    }
  });
});
