import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { ScheduledTask, SchedulerService } from 'nestjs-asyncz';
import type { TaskContext } from 'nestjs-asyncz';
import { AccessLogDigest, DIRECTORY } from './access-log.digest.js';

const SUMMARY = join(DIRECTORY, 'summary.txt');
const HOUR_MS = 3_600_000;

@Injectable()
export class SummaryWriter {
  constructor(
    private readonly scheduler: SchedulerService,
    private readonly log: AccessLogDigest,
  ) {}

  /** At every full minute unless told otherwise. Minutes that were missed while nothing ran become one run, for the latest of them. */
  @ScheduledTask({
    id: 'summary.write',
    trigger: 'cron',
    expression: () => process.env.SUMMARY_CRON ?? '* * * * *',
  })
  async write({ scheduledTime }: TaskContext): Promise<string> {
    const digest = await this.log.read();
    const reminders = await this.scheduler.getTaskInfos({ handler: 'reminders.deliver', limit: 1 });
    const from = new Date(scheduledTime.getTime() - HOUR_MS);
    const { runs } = await this.scheduler.getRuns({ from, limit: 1_000 });
    const failed = runs.filter(({ status }) => status !== 'succeeded').length;
    const lines = [
      `Summary for ${scheduledTime.toISOString()}`,
      '',
      `Access log: ${digest.lines} lines, ${digest.unreadable} of them unreadable, ${digest.bytes} bytes served`,
      `By status:  ${listCounts(digest.statuses)}`,
      `Top paths:  ${listCounts(digest.paths)}`,
      `Reminders:  ${reminders.total} pending, the next at ${reminders.tasks[0]?.nextRunTime?.toISOString() ?? '-'}`,
      `Last hour:  ${runs.length - failed} runs succeeded, ${failed} did not`,
    ];
    await writeFile(`${SUMMARY}.${process.pid}`, `${lines.join('\n')}\n`);
    await rename(`${SUMMARY}.${process.pid}`, SUMMARY);
    return `${SUMMARY} written: ${digest.lines} lines digested, ${reminders.total} reminders pending`;
  }
}

/** The five largest. */
function listCounts(counts: Readonly<Record<string, number>>): string {
  const largest = Object.entries(counts).sort(([, a], [, b]) => b - a);
  return (
    largest
      .map(([key, count]) => `${key} (${count})`)
      .slice(0, 5)
      .join(', ') || '-'
  );
}
