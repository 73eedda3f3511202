import type { ApplicationConfig, ModuleRef, NestContainer } from '@nestjs/core';
import { GuardsConsumer } from '@nestjs/core/guards/guards-consumer.js';
import { Injector } from '@nestjs/core/injector/injector.js';
import type { Module } from '@nestjs/core/injector/module.js';
import { InterceptorsConsumer } from '@nestjs/core/interceptors/interceptors-consumer.js';
import { PipesConsumer } from '@nestjs/core/pipes/pipes-consumer.js';

/**
 * The parts of `@nestjs/core` that NestJS's own transports put their pipelines together from. They are not documented; the peers'
 * tests say whether they are there in 11.0, 11 and 12.
 */
export class NestParts {
  readonly container: NestContainer;
  /** It has the global enhancers. */
  readonly config: ApplicationConfig;
  readonly injector = new Injector();
  readonly guards = new GuardsConsumer();
  readonly interceptors = new InterceptorsConsumer();
  readonly pipes = new PipesConsumer();

  constructor(readonly moduleRef: ModuleRef) {
    // Protected, and the only way to the global enhancers.
    this.container = (moduleRef as unknown as { readonly container: NestContainer }).container;
    this.config = this.container.applicationConfig!;
  }

  /** The key under which the container has a module. */
  keyOf(module: Module): string {
    for (const [key, one] of this.container.getModules()) if (one === module) return key;
    throw new Error(`The module ${module.name} is not in the container. This is a bug in nestjs-asyncz.`);
  }
}
