import { formatDuration } from '../../model/duration.js';
import type { Finding, FindingSubject } from './diagnosis.js';
import type { SchedulerFacts, StoreFacts, TaskFacts } from './facts.js';

/** Looks at what was gathered of one store, and says what is wrong. A pure function. */
export type Check = (store: StoreFacts, scheduler: SchedulerFacts) => readonly Finding[];

/** A finding but for its subject. */
export type FindingText = Omit<Finding, 'subject'>;

/** The finding about a task. */
export function ofTask({ alias }: StoreFacts, { task }: TaskFacts, text: FindingText): Finding {
  return of('task', task.id, alias, text);
}

/** A finding about something of a store; null for what is in none. */
export function of(kind: FindingSubject['kind'], id: string, store: string | null, text: FindingText): Finding {
  return { ...text, subject: { kind, id, store } };
}

/** The tasks that a schedule starts: neither held nor at their end. */
export function scheduled({ tasks }: StoreFacts): readonly TaskFacts[] {
  return tasks.filter(({ isHeld, task }) => !isHeld && !task.state.exhausted);
}

/** A length of time for people, not more exact than they need. */
export function inWords(ms: number): string {
  const step = STEPS.find(([from]) => ms >= from)?.[1] ?? 1;
  return formatDuration(Math.round(ms / step) * step);
}

/** From which length on it is rounded to what. */
const STEPS = [
  [86_400_000, 3_600_000],
  [3_600_000, 60_000],
  [10_000, 1_000],
] as const;

/** `one task`, `3 tasks`. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

/** A moment for people. */
export function when(time: number): string {
  return new Date(time).toISOString().replace('.000Z', 'Z');
}
