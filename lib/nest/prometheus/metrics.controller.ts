import { Controller, Get, Inject, Res, UseGuards, VERSION_NEUTRAL } from '@nestjs/common';
import type { CanActivate, Type } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { Registry } from 'prom-client';

/** The token of the registry that the endpoint shows. */
export const METRICS_REGISTRY = 'asyncz:metrics-registry';

/** The controller of the endpoint. Its path is a part of the class, so each module makes one. */
export function createMetricsController(path: string, guards: readonly (Type<CanActivate> | CanActivate)[]): Type {
  @Controller({ path, version: VERSION_NEUTRAL })
  @UseGuards(...guards)
  class AsynczMetricsController {
    constructor(
      @Inject(METRICS_REGISTRY) private readonly registry: Registry,
      @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    ) {}

    /** The answer is written here: an interceptor of the application that wraps all answers would spoil it. */
    @Get()
    async metrics(@Res() response: unknown): Promise<void> {
      const { httpAdapter } = this.host;
      const text = await this.registry.metrics();
      httpAdapter.setHeader(response, 'Content-Type', this.registry.contentType);
      httpAdapter.setHeader(response, 'Cache-Control', 'no-store');
      httpAdapter.reply(response, text, 200);
    }
  }
  return AsynczMetricsController;
}
