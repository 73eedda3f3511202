import type { Duration } from '../../model/duration.js';
import type { FindingSeverity, StoreFinding } from '../../model/finding.js';

/**
 * What a finding is about: a task, a handler, an executor, a store, a scheduler of the cluster (`instance`), or the options of this
 * one (`scheduler`).
 *
 * @publicApi
 */
export interface FindingSubject {
  readonly kind: 'task' | 'handler' | 'executor' | 'store' | 'instance' | 'scheduler';
  /** Its id, name, alias or identity. */
  readonly id: string;
  /** The alias of the store that it is in; null where it is in none. */
  readonly store: string | null;
}

/**
 * What `diagnose()` found: what, why it matters, what to do, and how sure it is. `docs/operations.md` lists the codes.
 *
 * @publicApi
 */
export interface Finding extends StoreFinding {
  readonly subject: FindingSubject;
  readonly details: Readonly<Record<string, unknown>>;
}

/**
 * What `diagnose()` looks at, and when it complains.
 *
 * @publicApi
 */
export interface DiagnoseOptions {
  /** The alias of one store; all when left out. */
  readonly store?: string;
  /** Codes of findings that are left out. */
  readonly ignore?: readonly string[];
  /** How many tasks of each store are looked at, 1 to 100,000. @default 5000 */
  readonly maxTasks?: number;
  /** How many of the latest runs of each store are measured, 0 to 100,000. @default 5000 */
  readonly maxRuns?: number;
  /** After how long it ends with what it has, 100 ms to 10 minutes. @default '10s' */
  readonly timeout?: Duration;
  /** How long a due task may wait. @default '1m' */
  readonly maxWait?: Duration;
  /** How many tasks may start in the same second, from 1. @default 25 */
  readonly sameSecond?: number;
}

/**
 * The findings, and what was looked at.
 *
 * @publicApi
 */
export interface Diagnosis {
  readonly at: Date;
  readonly tookMs: number;
  /** The worst first. Of each code the first 20. */
  readonly findings: readonly Finding[];
  /** How many findings there are, with those that are not listed. */
  readonly counts: Readonly<Record<FindingSeverity, number>>;
  readonly stores: readonly {
    readonly store: string;
    /** How many tasks were looked at, of how many. */
    readonly tasks: number;
    readonly ofTasks: number;
    /** How many ended runs were measured. */
    readonly runs: number;
  }[];
  /** What was left out, a sentence each; empty when everything was looked at. */
  readonly leftOut: readonly string[];
}
