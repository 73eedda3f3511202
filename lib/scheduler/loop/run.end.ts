import { RunCancelledError, ShutdownError } from '../../errors/run.errors.js';
import { describeThrown } from '../../errors/thrown.js';
import type { RunRecord } from '../../model/run.js';
import type { RunEnd } from '../plan/end.plan.js';
import { endedRun } from '../plan/ended.run.js';
import { checkedOccurrence } from '../plan/occurrence.check.js';
import type { HeldRun } from './held.run.js';
import type { RunOutcome } from './run.outcome.js';
import { retryDelay } from './retry.decision.js';
import type { RunServices } from './run.services.js';

/** When a trigger that counts from the end of a run, and that fails there, is asked again, in milliseconds. */
const FAULTY_TRIGGER_MS = 5_000;

/**
 * What the store is to write about a run that ended: its record, whether and when it is tried again, and what comes next of a
 * trigger that counts from here. A run that a shutdown has aborted is given back unfinished, so that another scheduler goes
 * on at once, unless its task may not run twice.
 */
export function endOf(held: HeldRun, outcome: RunOutcome, services: RunServices): RunEnd {
  const { aborted } = held;
  const now = services.storeClock.now();
  if (held.simpleSince !== null && outcome.status === 'succeeded' && aborted === null) {
    return endUnder(held, simpleRecord(held, outcome.result, now, services.identity), null);
  }
  if (outcome.status === 'suspended') return putOff(held);
  const { record: task, run } = held;
  const mayRunAgain = task.definition.policies.delivery === 'at-least-once';
  if (outcome.status === 'cancelled' && aborted instanceof ShutdownError && mayRunAgain) return givenBack(held, now);
  const retryAt = outcome.status === 'failed' ? retryTime(held, outcome.error, now, services) : null;
  const record: RunRecord = endedRun(task, run, outcome.status, now, {
    dead: outcome.status === 'failed' && retryAt === null,
    error: outcome.status === 'succeeded' ? null : describeThrown(outcome.error),
    result: outcome.result,
    cancel: aborted instanceof RunCancelledError ? aborted.request : null,
    ...saidBy(held),
  });
  const isLast = retryAt === null && run.source === 'schedule' && !task.state.exhausted;
  return endUnder(held, record, retryAt, isLast ? nextFromHere(held, now, services) : undefined);
}

/** What gives a run back unfinished: another attempt may start at once. @param now Milliseconds since the epoch. */
export function givenBack(held: HeldRun, now: number): RunEnd {
  return endUnder(held, null, now);
}

/** The record of a run of a simple task that has succeeded: see `isSimple`. */
function simpleRecord(held: HeldRun, result: unknown, endedAt: number, owner: string): RunRecord {
  return {
    id: held.runId,
    taskId: held.taskId,
    handler: held.task.handler,
    source: held.source,
    scheduledTime: held.scheduledTime,
    attempt: held.attempt,
    status: 'succeeded',
    owner,
    token: held.token,
    startedAt: held.simpleSince,
    endedAt,
    coalesced: 0,
    dead: false,
    error: null,
    result,
    request: null,
    cancel: null,
    definition: null,
    ...saidBy(held),
  };
}

function putOff(held: HeldRun): RunEnd {
  const { sleep } = held;
  return { ...endUnder(held, null, null), sleep: sleep ? { ...sleep, ...saidBy(held) } : undefined };
}

/** What the handler has said, for its record. */
function saidBy({ output }: HeldRun): Pick<RunRecord, 'output'> | undefined {
  return output && { output };
}

function endUnder(
  { taskId, runId, token }: HeldRun,
  record: RunRecord | null,
  retryAt: number | null,
  next?: RunEnd['next'],
): RunEnd {
  return { taskId, runId, token, record, retryAt, next };
}

/** The end of a run of which nothing else can be said. @param now Milliseconds since the epoch. */
export function failedEnd(held: HeldRun, error: unknown, now: number): RunEnd {
  const ending = {
    dead: true,
    error: describeThrown(error),
    result: undefined,
    cancel: held.run.cancel,
    ...saidBy(held),
  };
  return endUnder(held, endedRun(held.record, held.run, 'failed', now, ending), null);
}

function retryTime({ record, run }: HeldRun, error: unknown, now: number, services: RunServices): number | null {
  const delay = retryDelay({ task: record.definition, runId: run.id, attempt: run.attempt, error }, services);
  return delay === null ? null : now + delay;
}

/** What comes after the run, for triggers that count from its end. */
function nextFromHere({ record }: HeldRun, now: number, services: RunServices): RunEnd['next'] {
  try {
    const trigger = services.triggers.get(record.definition.trigger);
    if (trigger.advance !== 'completion') return undefined;
    return checkedOccurrence(trigger.nextOccurrence(now, now, { taskId: record.id }));
  } catch (error) {
    services.logger.error(`The trigger of task "${record.id}" failed`, error);
    // The claim that this leads to finds the same fault, and puts the task off.
    return { scheduledTime: now, runTime: now + FAULTY_TRIGGER_MS };
  }
}
