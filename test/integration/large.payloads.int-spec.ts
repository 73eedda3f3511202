import { Scheduler } from 'nestjs-asyncz';
import { describe, expect, it } from 'vitest';
import { PLACES } from './places.js';
import { nextEvent } from '../support/events.js';

const SIZES = [70_000, 1_000_000, 4_000_000, 18_000_000];

// BullMQ, Agenda: large arguments and results.
describe.each(PLACES)('large arguments and results on $name', ({ open }) => {
  it('are kept whole, or refused with the reason, and everything else goes on', { timeout: 120_000 }, async () => {
    const { store, close } = open('large');
    const scheduler = new Scheduler({ stores: { default: store } });
    try {
      scheduler.registerHandler('work', ([text]) => ({ length: String(text).length, text }));
      await scheduler.start();
      for (const size of SIZES) {
        const id = `t${size}`;
        const ended = nextEvent(scheduler, 'run.succeeded', ({ taskId }) => taskId === id);
        const added = await scheduler
          .addTask({ id, handler: 'work', args: ['x'.repeat(size)] })
          .catch((error: Error) => error);
        if (added instanceof Error) {
          expect(added).toMatchObject({ code: expect.stringMatching(/^ASYNCZ_/) as string });
          expect(added.message).toMatch(/max_allowed_packet|bytes|large|long/i);
          expect(added.message.length).toBeLessThan(1_000);
          expect(await scheduler.getTask(id)).toBeNull();
        } else {
          await ended;
          const { runs } = await scheduler.getRuns({ taskId: id });
          expect(runs[0]!.result).toMatchObject({ length: size });
        }
      }
      const last = nextEvent(scheduler, 'run.succeeded', ({ taskId }) => taskId === 'small');
      await scheduler.addTask({ id: 'small', handler: 'work', args: ['x'] });
      await last;
      expect((await scheduler.getTaskInfos()).tasks).toEqual([]);
    } finally {
      await scheduler.shutdown(0);
      await close();
    }
  });
});
