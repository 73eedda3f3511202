import { readFileSync } from 'node:fs';

/**
 * What vitest's JSON report says; null when there is none, because vitest did not get so far.
 *
 * A test that passed after a failure has the errors of that failure in the report all the same: it needed a second try.
 */
export function readReport(file) {
  let report;
  try {
    report = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
  // A file that could not be loaded has no tests to count, and is a failure all the same.
  const broken = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((one) => one.status === 'failed'),
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken.length,
    skipped: report.numPendingTests + report.numTodoTests,
    retried: report.testResults.flatMap(({ assertionResults }) =>
      assertionResults
        .filter(({ status, failureMessages }) => status === 'passed' && failureMessages.length > 0)
        .map(({ fullName }) => fullName),
    ),
  };
}

/**
 * What a run of the tests ends with: each test that needed a second try, how many these are, and the counts on the last line.
 *
 * CI tries a test twice (vitest.config.ts): one that passes now and then is green there, and is not to go unnoticed.
 */
export function closingLines({ passed, failed, skipped, retried }) {
  const counts = `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
  if (retried.length === 0) return [counts];
  return [
    ...retried.map((name) => `FLAKY: ${name}`),
    `!!!!!!!! ${retried.length} flaky: failed at first, passed at the second try. See above for why. !!!!!!!!`,
    counts,
  ];
}
