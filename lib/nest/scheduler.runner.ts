import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import type { ModulesContainer } from '@nestjs/core';
import { MACHINE } from '../model/clock.js';
import type { SchedulerService } from './scheduler.service.js';
import { putOutside } from './hook.order.js';

/** The signals by which people and orchestrators end a process. */
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * For how long after the beginning of a stop a signal is taken for the same one, in milliseconds: a terminal sends Ctrl-C to npm
 * and to the application, and npm passes it on.
 */
const SAME_SIGNAL_MS = 500;

/**
 * Starts the scheduler when the whole application has bootstrapped, unless the application does that itself, and drains it before any of its modules closes: it puts
 * the module that it is in outside of all others.
 */
export class SchedulerRunner implements OnApplicationBootstrap, OnModuleDestroy {
  constructor(
    private readonly scheduler: SchedulerService,
    container: ModulesContainer,
  ) {
    putOutside(container, SchedulerRunner);
  }

  async onApplicationBootstrap(): Promise<void> {
    if (this.scheduler.autoStart) await this.scheduler.start();
  }

  /**
   * Not in a later hook: by then the services that running handlers use may have closed what they use.
   */
  async onModuleDestroy(): Promise<void> {
    const end = this.#abortAtSignal();
    try {
      await this.scheduler.shutdown();
    } finally {
      end();
      this.scheduler.end();
    }
  }

  /**
   * Whoever sends a signal once more does not want to wait for the runs: they are aborted and given back. Nest itself ignores it.
   * Where nobody handles a signal, it ends the process anyway, and is left alone.
   */
  #abortAtSignal(): () => void {
    const since = MACHINE.monotonic();
    const abort = () => {
      if (MACHINE.monotonic() - since > SAME_SIGNAL_MS) void this.scheduler.shutdown(0);
    };
    const handled = SIGNALS.filter((signal) => process.listenerCount(signal) > 0);
    for (const signal of handled) process.on(signal, abort);
    return () => {
      for (const signal of handled) process.off(signal, abort);
    };
  }
}
