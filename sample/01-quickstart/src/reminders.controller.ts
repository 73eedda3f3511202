import { BadRequestException, Body, Controller, Get, Post } from '@nestjs/common';
import { AsynczError, parseDuration, SchedulerService, TaskHandler } from 'nestjs-asyncz';
import type { TaskContext } from 'nestjs-asyncz';

/** What `addTask` may name here, and with which arguments: the compiler checks both. */
interface ReminderHandlers {
  'reminders.deliver': RemindersController['deliver'];
}

interface Reminder {
  readonly id: string;
  readonly at: Date | null;
  readonly text: string;
}

const TEXT_LIMIT = 500;
const A_TIME = 'an ISO 8601 time such as "2030-01-31T10:00:00Z", or "+5s" for five seconds from now';

@Controller('reminders')
export class RemindersController {
  constructor(private readonly scheduler: SchedulerService<ReminderHandlers>) {}

  /** Adds a one-shot task with an argument. It is in the store before the answer is sent. */
  @Post()
  async add(@Body() body: { at?: unknown; text?: unknown } = {}): Promise<Reminder> {
    const { at, text } = body;
    if (typeof text !== 'string' || text.trim() === '' || text.length > TEXT_LIMIT) {
      throw new BadRequestException(`"text" must be a text of 1 to ${TEXT_LIMIT} characters`);
    }
    try {
      const task = await this.scheduler.addTask({
        handler: 'reminders.deliver',
        args: [text],
        trigger: { type: 'date', runAt: readTime(at) },
      });
      return { id: task.id, at: task.nextRunTime, text };
    } catch (error) {
      // What the scheduler refuses is refused with the reason, and nothing was added.
      if (!(error instanceof AsynczError)) throw error;
      throw new BadRequestException(`"at" must be ${A_TIME}, not ${JSON.stringify(at)}: ${error.message}`);
    }
  }

  /** The pending ones, the next one first. */
  @Get()
  async list(): Promise<Reminder[]> {
    const tasks = await this.scheduler.getTasks({ handler: 'reminders.deliver' });
    return tasks.map(({ info }) => ({ id: info.id, at: info.nextRunTime, text: String(info.args[0]) }));
  }

  /** However late: a reminder that was due while nothing ran is delivered at the next start. */
  @TaskHandler('reminders.deliver')
  deliver(text: string, context: TaskContext): string {
    const lateMs = Math.max(0, Date.now() - context.scheduledTime.getTime());
    return `"${text}", due ${context.scheduledTime.toISOString()}, ${(lateMs / 1_000).toFixed(1)} s late`;
  }
}

/** `"+5s"` as the time that it means now; everything else as it is, for the scheduler to judge. */
function readTime(at: unknown): Date | string {
  if (typeof at !== 'string') throw new BadRequestException(`"at" must be ${A_TIME}`);
  const delay = at.startsWith('+') ? parseDuration(at.slice(1)) : null;
  return delay === null ? at : new Date(Date.now() + delay);
}
