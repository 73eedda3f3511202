import { rejectUnknownOptions } from '../errors/input.errors.js';
import { namesOf } from '../model/names.js';
import { BaseTrigger } from './base.trigger.js';
import { readMaxRuns } from './schedule.options.js';
import type { TriggerOptionsMap } from './trigger.options.js';
import type { TriggerData } from './trigger.interface.js';

const OPTIONS = ['type', ...namesOf<keyof TriggerOptionsMap['startup' | 'shutdown']>({ maxRuns: 0 })];

/**
 * Runs when a scheduler starts or stops. It has no time of its own: the engine moves it.
 */
abstract class StartStopTrigger extends BaseTrigger {
  override readonly maxRuns: number | null;

  constructor(data: TriggerData) {
    super();
    rejectUnknownOptions(`the "${data.type}" trigger`, data, OPTIONS);
    this.maxRuns = readMaxRuns(data);
  }

  override nextTime(): number | null {
    return null;
  }

  override toJSON(): TriggerData {
    return { type: this.type, ...(this.maxRuns !== null && { maxRuns: this.maxRuns }) };
  }
}

/**
 * When a scheduler stops: see `docs/triggers.md`.
 */
export class ShutdownTrigger extends StartStopTrigger {
  readonly type = 'shutdown';
  override readonly advance = 'shutdown';

  override describe(): string {
    return 'when the scheduler stops';
  }
}

/**
 * When a scheduler starts: see `docs/triggers.md`.
 */
export class StartupTrigger extends StartStopTrigger {
  readonly type = 'startup';
  override readonly advance = 'startup';

  override describe(): string {
    return 'when the scheduler starts';
  }
}
