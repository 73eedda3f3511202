import type { ExclusionCalendar } from './calendar.interface.js';

/** How many exclusions that follow on each other are passed: every day of ten years. */
const MAX_EXCLUSIONS = 3_660;

/** Excludes what any of its parts excludes. */
export class UnionCalendar implements ExclusionCalendar {
  constructor(private readonly parts: readonly ExclusionCalendar[]) {}

  excludedUntil(time: number): number | null {
    let until = time;
    for (let steps = 0; steps < MAX_EXCLUSIONS; steps += 1) {
      const before = until;
      for (const part of this.parts) {
        until = part.excludedUntil(until) ?? until;
        if (until === Infinity) return Infinity;
      }
      if (until === before) return until === time ? null : until;
    }
    return Infinity;
  }

  allowedUntil(time: number): number {
    return Math.min(...this.parts.map((part) => part.allowedUntil(time)));
  }
}
