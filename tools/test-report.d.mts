/** What a run of the tests came to. */
export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** The names of the tests that passed after a failure. */
  readonly retried: readonly string[];
}

export function readReport(file: string): TestCounts | null;

export function closingLines(counts: TestCounts): string[];
