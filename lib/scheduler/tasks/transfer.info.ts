import type { ActorOptions } from './control.options.js';

/** Options of `exportTasks`. @publicApi */
export interface ExportOptions {
  /** @default 'default' */
  readonly store?: string;
  /** Whether definitions are written in clear where the scheduler has keys: whoever has the file can read the arguments. @default false */
  readonly decrypt?: boolean;
}

/** Options of `importTasks`. @publicApi */
export interface ImportOptions extends ActorOptions {
  /** @default 'default' */
  readonly store?: string;
  /** What becomes of a task whose id is there: the import fails, or it is left alone, or it is replaced. @default 'fail' */
  readonly onConflict?: 'fail' | 'skip' | 'replace';
  /** Whether it only looks what it would do. @default false */
  readonly dryRun?: boolean;
}

/** A line that could not be imported. @publicApi */
export interface UnreadLine {
  /** From 1. */
  readonly line: number;
  /** null where the line does not say. */
  readonly taskId: string | null;
  readonly message: string;
}

/** What an import did, or with `dryRun` would do. @publicApi */
export interface ImportResult {
  readonly added: number;
  readonly replaced: number;
  readonly skipped: number;
  /** The first 1,000 ids that were skipped. */
  readonly skippedIds: readonly string[];
  /** How many lines could not be read. */
  readonly unreadable: number;
  /** The first 1,000 of them, and why. */
  readonly faults: readonly UnreadLine[];
  /** Whether the last line says that nothing is missing: false for an export that was cut off. */
  readonly complete: boolean;
  readonly dryRun: boolean;
}
