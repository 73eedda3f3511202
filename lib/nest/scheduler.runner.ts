import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import type { Scheduler } from '../scheduler/scheduler.js';
import { putOutside } from './hook.order.js';

/**
 * Starts the scheduler when the whole application has bootstrapped, and drains it before any of its modules closes: it puts
 * the module that it is in outside of all others.
 */
export class SchedulerRunner implements OnApplicationBootstrap, OnModuleDestroy {
  constructor(
    private readonly scheduler: Scheduler,
    container: ModulesContainer,
  ) {
    putOutside(container, SchedulerRunner);
  }

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
