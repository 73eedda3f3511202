/** The rounds of one figure. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function percentile(values: readonly number[], share: number): number;
export function median(values: readonly number[]): number;
export function summary(values: readonly (number | null | undefined)[]): Summary | null;
export function ratio(firsts: readonly number[], seconds: readonly number[]): Summary | null;
export function geometricMean(values: readonly number[]): number;
export function inWords(value: number | null | undefined): string;
export function summaryInWords(figure: Summary | null): string;
