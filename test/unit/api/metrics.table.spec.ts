import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { METRIC_NAMES, metricOf, prometheusName } from '../../../lib/observe/meter/metric.table.js';
import { root } from './public-api.js';

/** The rows of the table of docs/observability.md, as they are to be. */
const wanted = METRIC_NAMES.map((name) => {
  const { kind, unit, labels, help } = metricOf(name);
  const told = labels.length === 0 ? '' : labels.map((label) => `\`${label}\``).join(', ');
  return [`\`${name}\``, `\`${prometheusName(name)}\``, kind, `\`${unit}\``, told, help];
});

describe('the table of metrics', () => {
  it('names every metric with its kind, its unit, its labels and what it is', () => {
    const page = readFileSync(join(root, 'docs', 'observability.md'), 'utf8');
    const [, section] = /### Every metric\n([^]*?)\n### /.exec(page)!;
    const rows = section!
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .map((line) =>
        line
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      );
    expect(rows).toEqual(wanted);
  });

  it('has names of which none is the beginning of another, as OpenTelemetry wants them', () => {
    for (const name of METRIC_NAMES) {
      expect(METRIC_NAMES.filter((other) => other.startsWith(`${name}.`))).toEqual([]);
      expect(name).toMatch(/^asyncz(\.[a-z]+(_[a-z]+)*)+$/);
    }
  });

  it('has names for Prometheus that end with their unit, and with _total where they only grow', () => {
    for (const name of METRIC_NAMES) {
      const { kind, unit } = metricOf(name);
      const called = prometheusName(name);
      expect(called).toMatch(/^[a-z][a-z_]*$/);
      expect(called.endsWith('_total')).toBe(kind === 'counter');
      if (unit === 's') expect(called).toContain('_seconds');
    }
    expect(new Set(METRIC_NAMES.map(prometheusName)).size).toBe(METRIC_NAMES.length);
  });
});
