import { ScheduleTrigger } from '../schedule.trigger.js';
import type { Occurrence, TriggerSeed } from '../trigger.interface.js';
import type { WallClock } from './wall-clock.js';

/** What the triggers whose grid lies on the wall clock of a zone have in common. */
export abstract class WallClockTrigger extends ScheduleTrigger {
  protected abstract clockOf(seed: TriggerSeed): WallClock;

  protected gridFrom(time: number, seed: TriggerSeed, _previous: number | null): number | null {
    return this.clockOf(seed).next(time);
  }

  protected countGrid(from: number, to: number, seed: TriggerSeed, _previous: number | null): number {
    return this.clockOf(seed).count(from, to);
  }

  protected override dstMark(time: number, seed: TriggerSeed): Occurrence['dst'] {
    return this.clockOf(seed).mark(time);
  }
}
