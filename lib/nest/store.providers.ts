import type { Provider } from '@nestjs/common';
import type { ModulePlan, StoreConfig } from './module.options.js';
import { createStoreByType, isStore, isStoreProvider } from './store.factory.js';
import { getStoreToken } from './tokens.js';

/** The providers of the stores that are configured where the module is made: each under its own token. */
export function createStoreProviders(plan: ModulePlan): Provider[] {
  return Object.entries(plan.stores).map(([alias, config]) => createStoreProvider(alias, config, plan));
}

function createStoreProvider(alias: string, config: StoreConfig, plan: ModulePlan): Provider {
  const provide = getStoreToken(alias, plan.name);
  if (isStore(config)) return { provide, useValue: config };
  if (isStoreProvider(config)) return { provide, ...config };
  return { provide, useFactory: () => createStoreByType(alias, config, plan.storeTypes) };
}
