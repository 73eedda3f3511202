import type { ModuleRef, ModulesContainer } from '@nestjs/core';
import { UnknownNameError } from '../errors/input.errors.js';
import type { SchedulerService } from './scheduler.service.js';
import { getSchedulerToken, schedulersOf } from './tokens.js';

/** The schedulers of the application: all, or one by its name. @throws UnknownNameError */
export function findSchedulers(
  container: ModulesContainer,
  moduleRef: ModuleRef,
  name?: string,
): readonly SchedulerService[] {
  const names = schedulersOf(container);
  if (name !== undefined && !names.includes(name)) throw new UnknownNameError('scheduler', name, names);
  return names
    .filter((one) => name === undefined || one === name)
    .map((one) => moduleRef.get<SchedulerService>(getSchedulerToken(one), { strict: false }));
}
