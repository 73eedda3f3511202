import { Injectable } from '@nestjs/common';
import { ModuleRef, ModulesContainer } from '@nestjs/core';
import { HealthIndicatorService } from '@nestjs/terminus';
import type { HealthIndicatorResult } from '@nestjs/terminus';
import type { HealthCheck, HealthOptions, SchedulerHealth } from '../../observe/health/health.report.js';
import { findSchedulers } from '../all.schedulers.js';

/**
 * Options of the checks of {@link AsynczHealthIndicator}.
 *
 * @publicApi
 */
export interface AsynczHealthOptions extends HealthOptions {
  /** The name of the scheduler; all schedulers of the application when left out. */
  readonly scheduler?: string;
}

/**
 * The health of the schedulers for `@nestjs/terminus`: a provider of the module that has the health controller, beside
 * `TerminusModule`.
 *
 * @publicApi
 */
@Injectable()
export class AsynczHealthIndicator {
  constructor(
    private readonly indicators: HealthIndicatorService,
    private readonly moduleRef: ModuleRef,
    private readonly container: ModulesContainer,
  ) {}

  /**
   * For people and alerts: down while any check is failing, also where tasks are late.
   *
   * @throws UnknownNameError (scheduler), UnknownOptionError, InvalidOptionError
   */
  isHealthy<Key extends string>(key: Key, options?: AsynczHealthOptions): Promise<HealthIndicatorResult<Key>> {
    return this.#check(key, options, ({ status }) => status !== 'failing');
  }

  /** For readiness probes: down while the process should get no work. @throws As {@link isHealthy}. */
  isReady<Key extends string>(key: Key, options?: AsynczHealthOptions): Promise<HealthIndicatorResult<Key>> {
    return this.#check(key, options, ({ ready }) => ready);
  }

  /** For liveness probes: down when nothing but a restart helps. @throws As {@link isHealthy}. */
  isLive<Key extends string>(key: Key, options?: AsynczHealthOptions): Promise<HealthIndicatorResult<Key>> {
    return this.#check(key, options, ({ live }) => live);
  }

  async #check<Key extends string>(
    key: Key,
    { scheduler, ...options }: AsynczHealthOptions = {},
    isUp: (health: SchedulerHealth) => boolean,
  ): Promise<HealthIndicatorResult<Key>> {
    const found = findSchedulers(this.container, this.moduleRef, scheduler);
    const reports = await Promise.all(found.map((one) => one.health(options)));
    const checks = found.flatMap(({ name }, at) =>
      reports[at]!.checks.map((check) => [lineOf(name, check), check] as const),
    );
    const details = Object.fromEntries(checks.map(([line, { status, message }]) => [line, `${status}: ${message}`]));
    const indicator = this.indicators.check(key);
    return reports.every(isUp) ? indicator.up(details) : indicator.down(details);
  }
}

function lineOf(scheduler: string, { check, store }: HealthCheck): string {
  return [scheduler, check, store].filter((part) => part !== null).join('.');
}
