import type { LoggerService } from '@nestjs/common';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { SettableClock, TaskLog } from 'nestjs-asyncz';
import type { Logger } from 'nestjs-asyncz';
import { takePromise } from '../../../lib/errors/returned.js';
import { ODD_THROWS } from '../../support/odd.throws.js';
import { RecordingLogger } from '../../support/recording.logger.js';

const RUN = { runId: 'mail@2026-01-15T12:00:00.000Z', attempt: 2 };

function createLog(logger: Logger = new RecordingLogger()) {
  const clock = new SettableClock(1_000);
  return { log: new TaskLog(RUN, logger, clock), clock };
}

describe('the log of a run', () => {
  it('can be given wherever NestJS wants a LoggerService', () => {
    expectTypeOf<TaskLog>().toExtend<LoggerService>();
  });

  it('writes each level with the run and its attempt in front, and keeps the lines with their times', () => {
    const logger = new RecordingLogger();
    const { log, clock } = createLog(logger);
    log.log('one');
    clock.advance(500);
    log.warn('two');
    log.debug('three');
    log.verbose('four');
    log.error('five');
    log.fatal('six');
    expect(logger.lines.map(({ level, message }) => `${level} ${message}`)).toEqual([
      'info [mail@2026-01-15T12:00:00.000Z, attempt 2] one',
      'warn [mail@2026-01-15T12:00:00.000Z, attempt 2] two',
      'debug [mail@2026-01-15T12:00:00.000Z, attempt 2] three',
      'debug [mail@2026-01-15T12:00:00.000Z, attempt 2] four',
      'error [mail@2026-01-15T12:00:00.000Z, attempt 2] five',
      'error [mail@2026-01-15T12:00:00.000Z, attempt 2] six',
    ]);
    expect(log.lines.map(({ level, message, time }) => [level, message, time.getTime()])).toEqual([
      ['log', 'one', 1_000],
      ['warn', 'two', 1_500],
      ['debug', 'three', 1_500],
      ['verbose', 'four', 1_500],
      ['error', 'five', 1_500],
      ['fatal', 'six', 1_500],
    ]);
  });

  it('writes verbose and fatal lines as such where the logger knows them', () => {
    const lines: string[] = [];
    const write = (level: string) => (message: string) => lines.push(`${level} ${message.split('] ')[1]}`);
    const logger = { debug: write('d'), info: write('i'), warn: write('w'), error: write('e') };
    const { log } = createLog({ ...logger, verbose: write('v'), fatal: write('f') });
    log.verbose('one');
    log.fatal('two');
    expect(lines).toEqual(['v one', 'f two']);
  });

  it('writes values behind the message, and an error with its cause and its stack', () => {
    const logger = new RecordingLogger();
    const { log } = createLog(logger);
    log.error('sent', 3, { to: 'eve' }, new TypeError('refused', { cause: new Error('closed') }));
    const [line] = log.lines;
    expect(line!.message).toBe("sent 3 { to: 'eve' } refused; caused by: closed");
    expect(line!.stack).toMatch(/^TypeError: refused\n {4}at [^]*caused by: Error: closed/);
    expect(logger.of('error')[0]).toMatch(/attempt 2\] sent 3 .*caused by: closed\nTypeError: refused\n {4}at /);
  });

  it('takes a stack that is passed behind the message for one, as the loggers of NestJS do', () => {
    const { log } = createLog();
    const error = new Error('no');
    log.error(error.message, error.stack);
    expect(log.lines).toMatchObject([{ message: 'no', stack: error.stack }]);
  });

  it.each(Object.entries(ODD_THROWS))('has a line for %s', (_name, make) => {
    const { log } = createLog();
    const value = make();
    // Whose promise it is that rejects is not the logger's business.
    takePromise(value);
    log.error('it was', value);
    log.log(value);
    expect(log.lines).toHaveLength(2);
    expect(log.lines[0]!.message).toMatch(/^it was ./);
    for (const { message } of log.lines) expect(message.length).toBeLessThan(10_000);
  });

  it('writes a line with a large buffer or text in no time', () => {
    const { log } = createLog();
    // A text that is repeated is put together when somebody looks at it, which takes the time of the one who looks.
    const values = [Buffer.alloc(20_000_000), Buffer.alloc(50_000_000, 'x').toString()];
    const since = process.cpuUsage();
    for (const value of values) log.log('got', value);
    // To write all of it takes seconds.
    expect(process.cpuUsage(since).user / 1_000).toBeLessThan(500);
    expect(log.lines).toHaveLength(2);
  });

  it('keeps the newest 500 lines, and counts the others', () => {
    const { log } = createLog();
    for (let at = 0; at < 1_200; at += 1) log.log(`line ${at}`);
    expect(log.lines).toHaveLength(500);
    expect(log.lines[0]!.message).toBe('line 700');
    expect(log.dropped).toBe(700);
  });

  it('keeps 128 KiB at the most, however long the lines are', () => {
    const logger = new RecordingLogger();
    const { log } = createLog(logger);
    for (let at = 0; at < 100; at += 1) log.log(`${at} ${'ö'.repeat(1_000_000)}`);
    const bytes = log.lines.reduce((sum, { message }) => sum + Buffer.byteLength(message), 0);
    expect(bytes).toBeLessThanOrEqual(131_072);
    expect(bytes).toBeGreaterThan(100_000);
    expect(log.lines.at(-1)!.message).toMatch(/^99 ö+…$/);
    expect(log.lines.length + log.dropped).toBe(100);
    expect(logger.lines).toHaveLength(100);
    for (const { message } of logger.lines) expect(message.length).toBeLessThan(9_000);
  });
});
