import type { TaskContextSource } from '../task-context.js';

/**
 * How a field of the context of a run gets to a handler in another thread or process.
 *
 * - `data`: its value goes along with the run.
 * - `tell`: a function that gives nothing; a call is sent back, and nobody waits for it.
 * - `ask`: a function that gives a promise; a call is sent back, and its answer comes. Its arguments may be functions: they are
 *   called where the handler is.
 * - `object`: an object whose methods are such functions.
 * - `own`: both sides make it themselves: the signal, and the log, whose lines are told.
 * - `none`: it is not there.
 */
type Crossing = 'data' | 'tell' | 'ask' | 'object' | 'own' | 'none';

/** All fields of the context: the compiler asks for a line when there is a new one. */
export const CONTEXT_FIELDS: Readonly<Record<keyof TaskContextSource, Crossing>> = {
  task: 'data',
  store: 'data',
  scheduler: 'data',
  runId: 'data',
  scheduledTime: 'data',
  startedAt: 'data',
  deadline: 'data',
  attempt: 'data',
  isLastAttempt: 'data',
  lastRun: 'data',
  previousResult: 'ask',
  token: 'data',
  source: 'data',
  coalesced: 'data',
  traceparent: 'data',
  signal: 'own',
  log: 'own',
  progress: 'tell',
  steps: 'object',
  // A generator lives in one process from one run to the next, and runs go to any worker.
  lifecycles: 'none',
};

/** The fields that cross in one way. */
export function fieldsThat(crossing: Crossing): readonly (keyof TaskContextSource)[] {
  return (Object.keys(CONTEXT_FIELDS) as (keyof TaskContextSource)[]).filter((key) => CONTEXT_FIELDS[key] === crossing);
}

const DATA = fieldsThat('data');

/** The fields that go along with a run. */
export function dataOf(source: TaskContextSource): Readonly<Record<string, unknown>> {
  const fields: Record<string, unknown> = {};
  for (const key of DATA) fields[key] = source[key];
  // Of a task its whole definition is there, with the arguments, which go by themselves.
  const { id, name, handler, tags } = source.task;
  return { ...fields, task: { id, name, handler, tags } };
}
