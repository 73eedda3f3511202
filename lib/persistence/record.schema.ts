import type { RunError } from '../errors/thrown.js';
import type { Attribution, DatedAttribution } from '../model/attribution.js';
import { namesOf } from '../model/names.js';
import { RUN_SOURCES, RUN_STATUSES } from '../model/run.js';
import type { JournalEntry } from '../model/journal.js';
import type { CancelRequest, LiveRun, RunRequest, StoredStep } from '../model/run.js';
import { TASK_LOG_LEVELS } from '../model/run.output.js';
import type { StoredLine, StoredOutput } from '../model/run.output.js';
import type { LastRun, Pause, TaskControl, TaskLease, TaskProblem, TaskState } from '../model/task.js';
import type { Declaration, Renaming, TaskDefinition, TaskInput, TaskOrigin } from '../model/definition.js';
import type { JsonObject } from './json-text.js';
import { isPolicies } from './policy.schema.js';
import { UnreadableFault } from './unreadable.fault.js';
import type { Check } from './schema.js';
import {
  isArray,
  isAttempt,
  isCount,
  isFlag,
  isPositive,
  isText,
  isTime,
  listOfEach,
  nullable,
  objectOf,
  oneOf,
  optional,
  recordOf,
} from './schema.js';

const ORIGINS = namesOf<TaskOrigin>({ code: 0, runtime: 0, internal: 0 });
const RENAMING_PARTS = namesOf<Renaming['part']>({ source: 0, copy: 0 });
const INPUTS = namesOf<TaskInput>({ args: 0, data: 0 });
const ACTIONS = namesOf<TaskControl['action']>({
  pause: 0,
  resume: 0,
  run: 0,
  backfill: 0,
  redrive: 0,
  cancel: 0,
});

const definition = objectOf<TaskDefinition>({
  args: isArray,
  input: oneOf(INPUTS),
  schemaVersion: nullable(isPositive),
  id: isText,
  name: isText,
  handler: isText,
  trigger: objectOf<{ type: string }>({ type: isText }),
  executor: isText,
  origin: oneOf(ORIGINS),
  tags: listOfEach(isText),
  policies: isPolicies,
  declared: nullable(
    objectOf<Declaration>({
      trigger: isText,
      options: recordOf(isText),
      paused: isFlag,
      disabled: isFlag,
      previousIds: optional(listOfEach(isText)),
      renaming: optional(
        objectOf<Renaming>({ part: oneOf(RENAMING_PARTS), other: isText, version: isCount, wasDisabled: isFlag }),
      ),
    }),
  ),
  throttledUntil: optional(isTime),
  trace: optional(isText),
});

const attribution = nullable(objectOf<Attribution>({ actor: nullable(isText), reason: nullable(isText) }));

const datedAttribution = nullable(
  objectOf<DatedAttribution>({ at: isTime, actor: nullable(isText), reason: nullable(isText) }),
);

const steps = listOfEach(
  objectOf<StoredStep>({ name: isText, at: isTime, result: optional(isText), until: optional(isTime) }),
);

const output = objectOf<StoredOutput>({
  lines: listOfEach(
    objectOf<StoredLine>({ at: isTime, level: oneOf(TASK_LOG_LEVELS), message: isText, stack: optional(isText) }),
  ),
  dropped: isCount,
  progress: optional(objectOf<NonNullable<StoredOutput['progress']>>({ at: isTime, value: optional(isText) })),
});

const liveRun = objectOf<LiveRun>({
  id: isText,
  source: oneOf(RUN_SOURCES),
  scheduledTime: isTime,
  status: oneOf<LiveRun['status']>(['waiting', 'running']),
  attempt: isAttempt,
  lost: isCount,
  availableAt: isTime,
  coalesced: isCount,
  owner: nullable(isText),
  token: isCount,
  leaseUntil: nullable(isTime),
  startedAt: nullable(isTime),
  cancel: datedAttribution,
  request: attribution,
  steps: optional(steps),
  asleep: optional(isFlag),
  output: optional(output),
});

const state = objectOf<TaskState>({
  createdAt: isTime,
  updatedAt: isTime,
  nextScheduledTime: nullable(isTime),
  nextRunTime: nullable(isTime),
  lastScheduledTime: nullable(isTime),
  exhausted: isFlag,
  scheduledCount: isCount,
  pause: nullable(
    objectOf<Pause>({
      at: isTime,
      actor: nullable(isText),
      reason: nullable(isText),
      byCode: optional(isFlag),
      until: optional(isTime),
    }),
  ),
  failuresInARow: isCount,
  lostInARow: isCount,
  lastToken: isCount,
  lease: nullable(
    objectOf<TaskLease>({ owner: isText, token: isCount, at: isTime, attempt: isAttempt, until: isTime }),
  ),
  live: listOfEach(liveRun),
  lastRun: nullable(
    objectOf<LastRun>({ id: isText, status: oneOf(RUN_STATUSES), startedAt: nullable(isTime), endedAt: isTime }),
  ),
  problem: nullable(objectOf<TaskProblem>({ code: isText, message: isText, at: isTime, count: isCount })),
  control: nullable(
    objectOf<TaskControl>({ action: oneOf(ACTIONS), at: isTime, actor: nullable(isText), reason: nullable(isText) }),
  ),
});

const runError: Check = nullable(
  objectOf<RunError>({
    name: isText,
    message: isText,
    code: nullable(isText),
    stack: nullable(isText),
    cause: (value) => runError(value),
    errors: listOfEach((value) => runError(value)),
  }),
);

/** What people have said in an entry of the journal. */
type EntryBody = Pick<JournalEntry, 'actor' | 'reason' | 'changes' | 'details'>;

const isAnything: Check = () => null;

const entryBody = objectOf<Required<EntryBody>>({
  actor: nullable(isText),
  reason: nullable(isText),
  changes: optional(listOfEach(objectOf<{ field: string; cut: unknown }>({ field: isText, cut: optional(isFlag) }))),
  details: optional(recordOf(isAnything)),
});

/** @throws UnreadableFault When a field is missing or not what it has to be. */
export function asEntryBody(value: JsonObject): EntryBody {
  return checked<EntryBody>(entryBody, value, 'entry');
}

/** @throws UnreadableFault When a field is missing or not what it has to be. */
export function asDefinition(value: JsonObject): TaskDefinition {
  return checked<TaskDefinition>(definition, value, 'definition');
}

/** @throws UnreadableFault When a field is missing or not what it has to be. */
export function asState(value: JsonObject): TaskState {
  return checked<TaskState>(state, value, 'state');
}

/** @throws UnreadableFault When it is neither null nor an error. */
export function asRunError(value: unknown): RunError | null {
  return checked<RunError | null>(runError, value, 'error');
}

/** @throws UnreadableFault When it is neither null nor a request. */
export function asRunRequest(value: unknown): RunRequest | null {
  return checked<RunRequest | null>(attribution, value, 'request');
}

/** @throws UnreadableFault When it is neither null nor a request. */
export function asCancelRequest(value: unknown): CancelRequest | null {
  return checked<CancelRequest | null>(datedAttribution, value, 'cancel');
}

/** @throws UnreadableFault When it is not a list of steps. */
export function asSteps(value: unknown): readonly StoredStep[] {
  return checked<readonly StoredStep[]>(steps, value, 'steps');
}

/** @throws UnreadableFault When it is not what a run has said. */
export function asOutput(value: unknown): StoredOutput {
  return checked<StoredOutput>(output, value, 'output');
}

function checked<T>(check: Check, value: unknown, what: string): T {
  const fault = check(value);
  if (fault !== null) throw new UnreadableFault('damaged', `The field ${what}${fault} is not what it has to be.`);
  return value as T;
}
