import { Inject, Module } from '@nestjs/common';
import type { CanActivate, DynamicModule, OnModuleInit, Type } from '@nestjs/common';
import { ModuleRef, ModulesContainer } from '@nestjs/core';
import { Registry } from 'prom-client';
import { InvalidOptionError, rejectUnknownOptions } from '../../errors/input.errors.js';
import { checkList } from '../../errors/option.checks.js';
import { namesOf } from '../../model/names.js';
import { registerMetrics } from '../../observe/prometheus/metrics.registry.js';
import { findSchedulers } from '../all.schedulers.js';
import { createMetricsController, METRICS_REGISTRY } from './metrics.controller.js';

/**
 * Options of `AsynczPrometheusModule.forRoot`.
 *
 * @publicApi
 */
export interface AsynczPrometheusOptions {
  /**
   * The path of the endpoint, behind the global prefix of the application; false for none, where the registry that is given is
   * shown elsewhere.
   *
   * @default 'metrics'
   */
  readonly path?: string | false;
  /**
   * The registry of `prom-client` that the metrics go into: the endpoint shows all that is in it.
   *
   * @default one of its own
   */
  readonly registry?: Registry;
  /** Guards of the endpoint: classes, or objects. They inject what is global. The global guards of the application hold, too. */
  readonly guards?: readonly (Type<CanActivate> | CanActivate)[];
}

const OPTIONS = namesOf<keyof AsynczPrometheusOptions>({ path: 0, registry: 0, guards: 0 });

/**
 * Shows the metrics of every scheduler of the application to Prometheus. Nothing in them is secret, and names of handlers and
 * stores are among them: see `docs/observability.md` for who may read them.
 *
 * @publicApi
 */
@Module({})
export class AsynczPrometheusModule implements OnModuleInit {
  /** @throws UnknownOptionError, InvalidOptionError */
  static forRoot(options: AsynczPrometheusOptions = {}): DynamicModule {
    rejectUnknownOptions('AsynczPrometheusModule.forRoot', options, OPTIONS);
    const { path = 'metrics', registry = new Registry(), guards = [] } = options;
    if (path !== false && (typeof path !== 'string' || path === '')) {
      throw new InvalidOptionError('path', path, 'a text that is not empty, or false');
    }
    if (typeof registry?.registerMetric !== 'function') {
      throw new InvalidOptionError('registry', registry, 'a Registry of prom-client');
    }
    checkList('guards', guards, 'guards');
    return {
      module: AsynczPrometheusModule,
      providers: [{ provide: METRICS_REGISTRY, useValue: registry }],
      controllers: path === false ? [] : [createMetricsController(path, guards)],
    };
  }

  constructor(
    @Inject(METRICS_REGISTRY) private readonly registry: Registry,
    private readonly moduleRef: ModuleRef,
    private readonly container: ModulesContainer,
  ) {}

  onModuleInit(): void {
    registerMetrics(findSchedulers(this.container, this.moduleRef), this.registry);
  }
}
