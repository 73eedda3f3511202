import { BaseTrigger } from 'nestjs-asyncz/triggers';

/** A trigger of somebody's own whose `nextTime` is given. */
export function triggerOf(nextTime: (previous: number | null, now: number) => unknown, advance = 'schedule') {
  return class Own extends BaseTrigger {
    readonly type = 'own';
    override readonly advance = advance as 'schedule';
    nextTime(previous: number | null, now: number) {
      return nextTime(previous, now) as number | null;
    }
    describe() {
      return 'own';
    }
    toJSON() {
      return { type: 'own' };
    }
  };
}
