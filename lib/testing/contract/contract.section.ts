import type { DescribeStoreOptions } from '../describe-store.options.js';
import type { StoreBench } from '../store.bench.js';

/** One rule of the contract: throws when the store breaks it. */
export type ContractTest = (bench: StoreBench) => Promise<void>;

/** Rules that belong together. */
export interface ContractSection {
  readonly title: string;
  /** By the sentence that says what the store does. */
  readonly tests: Readonly<Record<string, ContractTest>>;
  /** Whether these can be shown at all; always, unless it says otherwise. */
  readonly applies?: (options: DescribeStoreOptions, encrypted: boolean) => boolean;
}
