import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import type { Scheduler } from '../scheduler/scheduler.js';

/**
 * Starts the scheduler when the application has bootstrapped, and drains it before the application's modules close. It is
 * in a module that is not global: imported last, its hooks run after everybody else's at the start and before at the end.
 */
export class SchedulerRunner implements OnApplicationBootstrap, OnModuleDestroy {
  constructor(private readonly scheduler: Scheduler) {}

  onApplicationBootstrap(): Promise<void> {
    return this.scheduler.start();
  }

  /**
   * Not in a later hook: by then the services that running handlers use may have closed what they use.
   */
  onModuleDestroy(): Promise<void> {
    return this.scheduler.shutdown();
  }
}
