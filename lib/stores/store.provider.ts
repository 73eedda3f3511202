import type { Store } from './store.interface.js';

/** What names a provider. @publicApi */
export type ProviderToken = string | symbol | (abstract new (...args: never[]) => unknown);

/**
 * A store for the `stores` of `AsynczModule.forRoot`, built by the container: what `fileStore()`, `typeormStore()`,
 * `redisStore()` and `mongooseStore()` return.
 *
 * @publicApi
 */
export interface StoreProvider<S extends Store = Store> {
  /** The tokens of the providers that `useFactory` is called with, in this order; undefined for one that is optional. */
  readonly inject: (ProviderToken | { readonly token: ProviderToken; readonly optional: boolean })[];
  /** Makes the store; nothing is opened before the scheduler starts. */
  readonly useFactory: (...injected: any[]) => S;
}
