import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TriggerData } from '../../../lib/triggers/trigger.interface.js';

/** A time as the vectors give it: milliseconds, with a fraction where there are microseconds. */
export interface VectorTime {
  readonly iso: string;
  readonly ms: number;
}

/** What the vectors expect of `next`, asked over and over. */
export interface VectorOutcome {
  readonly fires?: readonly (VectorTime | null)[];
  readonly error?: { readonly kind: string };
  readonly hang?: boolean;
}

/** A trigger in the form of the vectors. */
export interface VectorTrigger {
  readonly type: string;
  readonly timezone?: string | null;
  readonly start_at?: string | null;
  readonly end_at?: string | null;
  readonly run_at?: string | null;
  readonly expression?: string;
  readonly fields?: Readonly<Record<string, string | number>>;
  readonly every?: Readonly<Record<string, number>>;
  readonly triggers?: readonly VectorTrigger[];
}

export interface VectorInput {
  readonly trigger: VectorTrigger;
  readonly scheduler_timezone: string;
  readonly previous: string | null;
  readonly now: string;
  readonly constructed_at?: string;
}

export interface MissedInput {
  readonly trigger: VectorTrigger;
  readonly scheduler_timezone: string;
  readonly next_run_time: string | null;
  readonly now: string;
}

export interface MissedOutcome {
  readonly due_run_times: readonly VectorTime[];
  readonly next_run_time_after: VectorTime | null;
}

export interface VectorCase<Input, Outcome> {
  readonly id: string;
  readonly tags: readonly string[];
  readonly input: Input;
  readonly consensus: boolean;
  readonly results: Readonly<Record<string, Outcome | 'same_as:asyncz' | null | undefined>>;
}

const root = fileURLToPath(new URL('../../../', import.meta.url));
const directory = process.env.ASYNCZ_VECTORS ?? resolve(root, '../shared/vectors');

/**
 * Whether the conformance cases are here. They are not part of the repository, so a clone on its own goes without them and
 * says so; in CI nothing is proved without them, and their absence is an error.
 */
export function vectorsArePresent(): boolean {
  if (existsSync(resolve(directory, 'crontab.json'))) return true;
  const missing = `The 747 conformance vectors are not at ${directory}: set ASYNCZ_VECTORS to their directory.`;
  if (process.env.CI || process.env.ASYNCZ_VECTORS) throw new Error(missing);
  console.warn(`NOT TESTED: ${missing}`);
  return false;
}

/** Reads a group of the conformance cases. */
export function readVectors<Input, Outcome>(group: string): VectorCase<Input, Outcome>[] {
  const file = resolve(directory, `${group}.json`);
  return (JSON.parse(readFileSync(file, 'utf8')) as { cases: VectorCase<Input, Outcome>[] }).cases;
}

/** What a column of a case says; undefined when it says nothing. */
export function outcomeOf<Outcome>(one: VectorCase<unknown, Outcome>, column: string): Outcome | undefined {
  const outcome = one.results[column];
  return (outcome === 'same_as:asyncz' ? (one.results.asyncz as Outcome) : outcome) ?? undefined;
}

/** A trigger of the vectors as this library takes it. */
export function toTriggerData(trigger: VectorTrigger, dialect: 'standard' | 'asyncz' = 'asyncz'): TriggerData {
  const common = { timezone: trigger.timezone, startAt: trigger.start_at, endAt: trigger.end_at };
  switch (trigger.type) {
    case 'cron': {
      const { day_of_week: dayOfWeek, ...fields } = trigger.fields!;
      return { type: 'cron', ...fields, ...(dayOfWeek !== undefined && { dayOfWeek }), dialect, ...common };
    }
    case 'crontab':
      return { type: 'cron', expression: trigger.expression, dialect, timezone: trigger.timezone };
    case 'interval':
      return { type: 'interval', ...trigger.every, ...common };
    case 'date':
      return { type: 'date', runAt: trigger.run_at, timezone: trigger.timezone };
    case 'and':
    case 'or':
      return { type: trigger.type, triggers: trigger.triggers!.map((child) => toTriggerData(child, dialect)) };
    default:
      return { type: trigger.type };
  }
}
