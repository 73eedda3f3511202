import { BaseTrigger } from '../../../../lib/triggers/base.trigger.js';
import type { LiveRun, TaskRecord } from 'nestjs-asyncz/store';
import { planClaim } from '../../../../lib/scheduler/plan/claim.plan.js';
import { runningRun } from '../../../support/task.factory.js';

export const MINUTE = 60_000;

export class EveryMinute extends BaseTrigger {
  readonly type = 'every-minute';
  constructor(
    private readonly last = Infinity,
    override readonly maxRuns: number | null = null,
  ) {
    super();
  }
  nextTime(previous: number | null, now: number): number | null {
    const next = previous === null ? Math.ceil(now / MINUTE) * MINUTE : (Math.floor(previous / MINUTE) + 1) * MINUTE;
    return next > this.last ? null : next;
  }
  describe(): string {
    return 'every minute';
  }
  toJSON() {
    return { type: this.type };
  }
}

export class AfterEnd extends EveryMinute {
  override readonly advance = 'completion';
}

interface Setup {
  trigger?: BaseTrigger;
  room?: number;
}

export function plan(task: TaskRecord, now: number, { trigger = new EveryMinute(), room = 10 }: Setup = {}) {
  const change = planClaim({ ...context(trigger), room: { has: (_definition, _decided, own) => own < room } })(
    task,
    now,
    [],
  );
  return change && { ...change.value, task: change.task };
}

export function decide(task: TaskRecord, now: number, setup?: Setup) {
  const decision = plan(task, now, setup);
  if (!decision) throw new Error('the plan left the task as it is');
  return decision;
}

export function context(trigger: BaseTrigger) {
  return {
    owner: 'me',
    leaseMs: 30_000,
    schemaVersionOf: () => null,
    triggerOf: () => trigger,
    holdOn: () => null,
    abandoned: () => 0,
    hasLastChance: () => false,
  };
}

export const waiting = (changes: Partial<LiveRun> = {}) =>
  runningRun({ status: 'waiting', owner: null, leaseUntil: null, startedAt: null, token: 0, ...changes });
