import type { Summary } from './statistics.mjs';

/** The part of `Results` that goals look at. */
export interface Figures {
  figures(workload: string, store: string, name: string, system: string, figure: string): readonly number[] | null;
  hasFailed(workload: string, store: string, name: string, system: string): boolean;
}

/** A goal, and what the results say to it. */
export interface Judgement {
  readonly row: string;
  readonly what: string;
  readonly wanted: { readonly text: string };
  readonly found: Summary | null;
  readonly isReached: boolean;
}

export function judge(results: Figures): readonly Judgement[];
