import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closingLines, readReport } from '../../tools/test-report.mjs';

const vitest = resolve(fileURLToPath(import.meta.url), '../../../node_modules/vitest/vitest.mjs');

const TESTS = `
let tries = 0;
test('passes', () => expect(1).toBe(1));
describe('a test', () => {
  test('passes now and then', () => expect((tries += 1)).toBe(2));
});
test('fails', () => expect(1).toBe(2));
test.fails('fails as it should', () => expect(1).toBe(2));
test.skip('is left out', () => {});
`;

describe('the report of the tests', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'asyncz-report-'));
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('counts what passed and failed, and names what needed a second try', async () => {
    writeFileSync(join(folder, 'some.test.js'), TESTS);
    const report = join(folder, 'report.json');
    const args = [
      vitest,
      'run',
      '--root',
      folder,
      '--globals',
      '--retry=1',
      '--reporter=json',
      `--outputFile=${report}`,
    ];
    // It ends with 1, since one test fails.
    await new Promise((done) => execFile(process.execPath, args, done));
    const counts = readReport(report)!;
    expect(counts).toEqual({ passed: 3, failed: 1, skipped: 1, retried: ['a test passes now and then'] });
    expect(closingLines(counts)).toEqual([
      'FLAKY: a test passes now and then',
      expect.stringMatching(/^!+ 1 flaky: /),
      '3 passed, 1 failed, 1 skipped',
    ]);
  });

  it('says nothing of flaky tests where there are none', () => {
    expect(closingLines({ passed: 2, failed: 0, skipped: 0, retried: [] })).toEqual(['2 passed, 0 failed']);
  });

  it('is nothing where vitest wrote none', () => {
    expect(readReport(join(folder, 'none.json'))).toBeNull();
  });
});
