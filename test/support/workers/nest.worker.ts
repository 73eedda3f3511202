import { Injectable, Logger, Module } from '@nestjs/common';
import type { OnModuleDestroy } from '@nestjs/common';
import { TaskContext, TaskHandler } from 'nestjs-asyncz';

class FlakyError extends Error {}

@Injectable()
class Greeter {
  greet(name: string): string {
    return `hello ${name}`;
  }
}

@Injectable()
class Reports implements OnModuleDestroy {
  private readonly logger = new Logger('Reports');
  private runs = 0;

  constructor(private readonly greeter: Greeter) {}

  @TaskHandler('reports.greet')
  greet(name: string, context: TaskContext): unknown {
    this.runs += 1;
    const current = TaskContext.current();
    return { text: this.greeter.greet(name), runs: this.runs, pid: process.pid, isCurrent: current === context };
  }

  /** Only one of its two errors is worth another attempt. */
  @TaskHandler('reports.flaky', { retryOn: [FlakyError], backoff: () => '1ms' })
  flaky(attempts: number, context: TaskContext): void {
    if (context.attempt < attempts) throw new FlakyError(`attempt ${context.attempt}`);
    throw new Error('for good');
  }

  @TaskHandler('reports.compute')
  compute(ms: number): number {
    let rounds = 0;
    for (const end = performance.now() + ms; performance.now() < end; rounds += 1);
    return rounds;
  }

  onModuleDestroy(): void {
    this.logger.log('reports are closed');
  }
}

@Module({ providers: [Greeter, Reports] })
export class NestWorkerModule {}

export function double(number: number): number {
  return 2 * number;
}
