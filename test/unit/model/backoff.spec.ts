import { describe, expect, it } from 'vitest';
import { backoffMs, spreadBackoffMs } from '../../../lib/model/backoff.js';

const BACKOFF = { firstMs: 100, longestMs: 1_000 };

describe('a back-off', () => {
  it('doubles from attempt to attempt up to the longest wait', () => {
    expect([1, 2, 3, 4, 5, 6].map((attempt) => backoffMs(BACKOFF, attempt))).toEqual([
      100, 200, 400, 800, 1_000, 1_000,
    ]);
  });

  it('is a number however many attempts there were, and never shorter than nothing', () => {
    expect(backoffMs(BACKOFF, 100_000)).toBe(1_000);
    expect(backoffMs({ firstMs: 0, longestMs: 1_000 }, 100_000)).toBe(0);
  });

  it('leaves as much to chance as it is asked to', () => {
    const waits = Array.from({ length: 1_000 }, () => spreadBackoffMs(BACKOFF, 3, 0.5));
    expect(Math.min(...waits)).toBeGreaterThan(200);
    expect(Math.max(...waits)).toBeLessThanOrEqual(400);
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(100);
    expect(Math.min(...Array.from({ length: 1_000 }, () => spreadBackoffMs(BACKOFF, 3)))).toBeLessThan(100);
  });
});
