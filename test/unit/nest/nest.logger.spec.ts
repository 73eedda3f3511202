import { ConsoleLogger, Logger } from '@nestjs/common';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createNestLogger } from '../../../lib/nest/nest.logger.js';
import { createRunning } from '../../support/scheduler.factory.js';
import { HOURLY } from '../../support/task.factory.js';
import { ODD_THROWS } from '../../support/odd.throws.js';

/** What is written as an error from now on. */
function recordErrors(): { message: string; stack: string | undefined }[] {
  const lines: { message: string; stack: string | undefined }[] = [];
  class Recorder extends ConsoleLogger {
    override error(message: string, stack?: string): void {
      lines.push({ message, stack });
    }
  }
  Logger.overrideLogger(new Recorder());
  onTestFinished(() => Logger.overrideLogger(new ConsoleLogger()));
  return lines;
}

describe('the log of an application', () => {
  it('has the fatal and the verbose lines of a handler as such', async () => {
    const lines: string[] = [];
    class Recorder extends ConsoleLogger {
      override fatal(message: string): void {
        lines.push(`fatal ${message}`);
      }
      override verbose(message: string): void {
        lines.push(`verbose ${message}`);
      }
    }
    Logger.overrideLogger(new Recorder());
    onTestFinished(() => Logger.overrideLogger(new ConsoleLogger()));
    const { scheduler } = await createRunning(
      {
        work: (_args, { log }) => {
          log.verbose('fine');
          log.fatal('grave');
        },
      },
      { logger: createNestLogger('default') },
    );
    const { id } = await scheduler.addTask({ id: 'mine', handler: 'work', trigger: HOURLY });
    const { id: runId } = await scheduler.runTask(id, { wait: true });
    expect(lines).toEqual([`verbose [${runId}, attempt 1] fine`, `fatal [${runId}, attempt 1] grave`]);
  });

  it('says what has caused an error, with the stacks of all', () => {
    const lines = recordErrors();
    const cause = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:9'), { code: 'ECONNREFUSED' });
    createNestLogger('default').error('The run "r" failed', new TypeError('fetch failed', { cause }));
    expect(lines[0]!.message).toBe('The run "r" failed: fetch failed; caused by: connect ECONNREFUSED 127.0.0.1:9');
    expect(lines[0]!.stack).toMatch(/^TypeError: fetch failed\n[^]*\ncaused by: Error: connect ECONNREFUSED/);
  });

  it('says what a plain object says that was thrown', () => {
    const lines = recordErrors();
    createNestLogger('default').error('It failed', { statusCode: 400, message: 'bad request', code: 'E_BAD' });
    expect(lines[0]!.message).toBe('It failed: bad request (E_BAD)');
  });

  it.each(Object.entries(ODD_THROWS))('has a line for %s', (_name, make) => {
    const lines = recordErrors();
    createNestLogger('default').error('It failed', make());
    expect(lines).toHaveLength(1);
    expect(lines[0]!.message).toMatch(/^It failed/);
    expect(lines[0]!.message.length).toBeLessThan(10_000);
  });
});
