import { MAX_INSTANT } from '../../time/civil.js';
import { spend } from '../search-budget.js';
import type { ExclusionCalendar } from './calendar.interface.js';

/** Excludes what any of its parts excludes. */
export class UnionCalendar implements ExclusionCalendar {
  constructor(private readonly parts: readonly ExclusionCalendar[]) {}

  excludedUntil(time: number): number | null {
    let until = time;
    for (;;) {
      spend(1 + this.parts.length / 4);
      const before = until;
      for (const part of this.parts) {
        until = part.excludedUntil(until) ?? until;
        if (until === Infinity) return Infinity;
      }
      if (until === before) return until === time ? null : until;
      if (until > MAX_INSTANT) return Infinity;
    }
  }

  allowedUntil(time: number): number {
    return Math.min(...this.parts.map((part) => part.allowedUntil(time)));
  }
}
