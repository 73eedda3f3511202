import { describe, expect, it } from 'vitest';
import {
  geometricMean,
  inWords,
  median,
  percentile,
  ratio,
  summary,
  summaryInWords,
} from '../../../benchmark/harness/statistics.mjs';

describe('statistics of the benchmark', () => {
  it('finds the middle of an odd and of an even number of values, in any order', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([8, 2, 4, 6])).toBe(5);
    expect(median([])).toBeNaN();
  });

  it('finds the value below which a share of the values is', () => {
    const values = Array.from({ length: 100 }, (_, at) => 100 - at);
    expect(percentile(values, 0.5)).toBe(50);
    expect(percentile(values, 0.99)).toBe(99);
    expect(percentile(values, 1)).toBe(100);
    expect(percentile([7], 0.01)).toBe(7);
    expect(percentile([], 0.5)).toBeNaN();
  });

  it('leaves out rounds without the figure, and has no summary of none', () => {
    expect(summary([3, null, 1, undefined, 2])).toEqual({ median: 2, min: 1, max: 3 });
    expect(summary([null, NaN])).toBeNull();
  });

  it('divides the rounds that were measured one after the other', () => {
    // The machine was twice as slow in the second round, which says nothing of the two.
    expect(ratio([100, 50, 100], [50, 25, 50])).toEqual({ median: 2, min: 2, max: 2 });
    expect(ratio([90, 100, 110], [50])).toEqual({ median: 2, min: 2, max: 2 });
    expect(ratio([1], [0])).toBeNull();
  });

  it('takes the mean of ratios', () => {
    expect(geometricMean([4, 1 / 4])).toBe(1);
    expect(geometricMean([2, 8])).toBeCloseTo(4);
  });

  it('says numbers with three digits, and the range where the rounds differ', () => {
    expect([inWords(1_234_567), inWords(12.345), inWords(0.012345), inWords(0), inWords(null)]).toEqual([
      '1,234,567',
      '12.3',
      '0.012',
      '0',
      '-',
    ]);
    expect(summaryInWords({ median: 5, min: 4, max: 7 })).toBe('5 (4–7)');
    expect(summaryInWords({ median: 5, min: 5, max: 5 })).toBe('5');
    expect(summaryInWords(null)).toBe('-');
  });
});
