import type { OperationName } from '../../client/operations.js';
import { RUN_SOURCES, RUN_STATUSES } from '../../model/run.js';
import { TASK_SORT_KEYS, TASK_STATE_NAMES } from '../../model/query.js';
import { POLICY_OPTIONS } from '../../model/task.policies.js';

/** A JSON Schema (2020-12). */
export type JsonSchema = { readonly [keyword: string]: unknown };

const TEXT: JsonSchema = { type: 'string' };
const FLAG: JsonSchema = { type: 'boolean' };
const TIME: JsonSchema = { type: ['string', 'integer'], description: 'ISO 8601 text, or milliseconds since the epoch' };
const DURATION: JsonSchema = {
  type: ['string', 'number'],
  description: 'Milliseconds, or text such as "90s" or "2h30m"',
};
const COUNT: JsonSchema = { type: 'integer', minimum: 0 };
const ANY: JsonSchema = {};
const ANY_OBJECT: JsonSchema = { type: 'object' };

const ref = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` });
const listOf = (items: JsonSchema): JsonSchema => ({ type: 'array', items });
const orNull = (schema: JsonSchema): JsonSchema => ({ anyOf: [schema, { type: 'null' }] });

/** An object with these fields and no others. */
function closed(properties: Record<string, JsonSchema>, ...required: string[]): JsonSchema {
  return { type: 'object', properties, ...(required.length > 0 && { required }), additionalProperties: false };
}

/** An object that has at least these fields: a newer server may answer with more. */
function open(properties: Record<string, JsonSchema>): JsonSchema {
  return { type: 'object', properties, required: Object.keys(properties) };
}

const POLICIES = Object.fromEntries(POLICY_OPTIONS.map((option) => [option, ANY]));

const DEFINITION: Record<string, JsonSchema> = {
  ...POLICIES,
  id: { type: 'string', minLength: 1, maxLength: 255 },
  name: TEXT,
  handler: { type: 'string', description: 'The name of a handler that a live scheduler has' },
  args: { type: 'array', description: 'Values that JSON has no form for are marked: { "$date": "…" }' },
  data: ANY_OBJECT,
  schemaVersion: { type: 'integer', minimum: 1 },
  trigger: ref('Trigger'),
  store: TEXT,
  executor: TEXT,
  tags: listOf(TEXT),
  nextRunTime: TIME,
  paused: FLAG,
  replaceExisting: FLAG,
  delay: DURATION,
  dedupe: ANY_OBJECT,
};

const NOT_CHANGED = new Set(['id', 'store', 'paused', 'replaceExisting', 'delay', 'dedupe']);

const CHANGES = Object.fromEntries(Object.entries(DEFINITION).filter(([option]) => !NOT_CHANGED.has(option)));

const FILTER = closed({
  store: TEXT,
  state: { enum: TASK_STATE_NAMES },
  executor: TEXT,
  trigger: TEXT,
  handler: TEXT,
  tag: TEXT,
  q: TEXT,
});

const DEAD_RUNS = closed({
  store: TEXT,
  taskId: TEXT,
  runId: TEXT,
  status: { enum: RUN_STATUSES },
  source: { enum: RUN_SOURCES },
  owner: TEXT,
  from: TIME,
  to: TIME,
  cursor: TEXT,
});

const REASON: JsonSchema = { type: 'string', maxLength: 500 };

/** What the API answers with, by name. */
export const COMPONENTS: Readonly<Record<string, JsonSchema>> = {
  Trigger: {
    type: 'object',
    properties: { type: TEXT },
    required: ['type'],
    description: 'A type, and the options of that type',
  },
  TaskFilter: FILTER,
  TaskDefinition: { ...closed(DEFINITION, 'handler') },
  Task: open({
    id: TEXT,
    handler: TEXT,
    trigger: ref('Trigger'),
    store: TEXT,
    state: { enum: TASK_STATE_NAMES },
    version: COUNT,
  }),
  UnreadableTask: open({ id: TEXT, store: TEXT, state: { const: 'unreadable' }, unreadable: TEXT, message: TEXT }),
  AnyTask: { anyOf: [ref('Task'), ref('UnreadableTask')] },
  Run: open({
    id: TEXT,
    taskId: TEXT,
    handler: TEXT,
    status: { enum: [...RUN_STATUSES, 'waiting', 'running'] },
    attempt: COUNT,
  }),
  Count: open({ matching: COUNT }),
  BulkResult: { anyOf: [open({ changed: COUNT, unchanged: COUNT, refused: COUNT }), ref('Count')] },
  Problem: open({ type: TEXT, title: TEXT, status: { type: 'integer' }, detail: TEXT, code: TEXT }),
  Event: open({ name: TEXT, time: TEXT, scheduler: TEXT }),
};

const BULK = { filter: ref('TaskFilter'), reason: REASON, dryRun: FLAG };
const WAIT = { wait: FLAG, timeout: DURATION };

/** The bodies of operations, where they have one. */
export const BODIES: Readonly<Partial<Record<OperationName, JsonSchema>>> = {
  drainInstance: closed({ reason: REASON, ...WAIT }),
  undrainInstance: closed({}),
  addTask: ref('TaskDefinition'),
  addTasks: closed({ tasks: { type: 'array', items: ref('TaskDefinition'), maxItems: 1_000 } }, 'tasks'),
  upsertTask: ref('TaskDefinition'),
  updateTask: closed({ ...CHANGES, reason: REASON }),
  rescheduleTask: closed({ trigger: ref('Trigger'), reason: REASON }, 'trigger'),
  pauseTask: closed({ reason: REASON, until: TIME }),
  resumeTask: closed({ reason: REASON }),
  runTask: closed({ reason: REASON, ...WAIT }),
  backfillTask: closed({ from: TIME, to: TIME, reason: REASON }, 'from', 'to'),
  pauseTasks: closed({ ...BULK, until: TIME }, 'filter'),
  resumeTasks: closed(BULK, 'filter'),
  runTasks: closed(BULK, 'filter'),
  deleteTasks: closed(BULK, 'filter'),
  cancelRun: closed({ reason: REASON }),
  redriveRun: closed({ reason: REASON }),
  redriveRuns: closed(
    { filter: DEAD_RUNS, reason: REASON, limit: { type: 'integer', minimum: 1, maximum: 1_000 }, dryRun: FLAG },
    'filter',
  ),
};

const LISTED = { total: COUNT };

/** The answers of operations; null for those that answer nothing. */
export const ANSWERS: Readonly<Record<OperationName, JsonSchema | null>> = {
  getInfo: open({ identity: TEXT, name: TEXT, state: TEXT, stores: listOf(ANY_OBJECT), tasks: ANY_OBJECT }),
  getHealth: open({ status: { enum: ['ok', 'failing'] }, identity: TEXT, state: TEXT, stores: listOf(ANY_OBJECT) }),
  listInstances: listOf(open({ identity: TEXT, alive: FLAG, role: TEXT })),
  drainInstance: null,
  undrainInstance: null,
  listStores: listOf(open({ store: TEXT, state: TEXT })),
  listExecutors: listOf(open({ executor: TEXT, running: COUNT, room: orNull(COUNT), instances: listOf(TEXT) })),
  listHandlers: listOf(open({ handler: TEXT, instances: listOf(TEXT) })),
  listTasks: open({ tasks: listOf(ref('AnyTask')), ...LISTED }),
  getTask: ref('AnyTask'),
  previewTask: open({ task: ref('Task'), runs: listOf(ANY_OBJECT), exhausted: FLAG }),
  getTimeline: open({ generatedAt: TEXT, timezone: TEXT, tasks: COUNT, total: COUNT, runs: listOf(ANY_OBJECT) }),
  exportTask: ref('TaskDefinition'),
  exportTasks: open({ tasks: listOf(ref('TaskDefinition')), ...LISTED, unreadable: listOf(TEXT) }),
  listUnreadable: listOf(ref('UnreadableTask')),
  addTask: ref('Task'),
  addTasks: open({ added: listOf(TEXT), replaced: listOf(TEXT), existing: listOf(TEXT) }),
  upsertTask: ref('Task'),
  updateTask: ref('Task'),
  rescheduleTask: ref('Task'),
  pauseTask: ref('Task'),
  resumeTask: orNull(ref('Task')),
  runTask: open({ runId: TEXT, run: orNull(ref('Run')) }),
  backfillTask: listOf(TEXT),
  deleteTask: ref('AnyTask'),
  countTasks: ref('Count'),
  pauseTasks: ref('BulkResult'),
  resumeTasks: ref('BulkResult'),
  runTasks: ref('BulkResult'),
  deleteTasks: ref('BulkResult'),
  listRuns: open({ runs: listOf(ref('Run')), next: orNull(TEXT) }),
  getRun: open({ run: ref('Run'), attempts: listOf(ref('Run')) }),
  waitForRun: ref('Run'),
  cancelRun: null,
  redriveRun: null,
  redriveRuns: {
    anyOf: [
      open({ redriven: COUNT, refused: listOf(ANY_OBJECT), refusedCount: COUNT, next: orNull(TEXT) }),
      ref('Count'),
    ],
  },
  getJournal: open({
    entries: listOf(open({ id: TEXT, time: TEXT, kind: TEXT, scheduler: TEXT })),
    next: orNull(TEXT),
  }),
  diagnose: open({ at: TEXT, findings: listOf(ANY_OBJECT), stores: listOf(ANY_OBJECT), leftOut: listOf(TEXT) }),
  getForecast: open({ from: TEXT, to: TEXT, total: COUNT, runs: listOf(ANY_OBJECT), leftOut: listOf(TEXT) }),
  streamEvents: ref('Event'),
};

/** Parameters of the query that take one of a few values. */
export const CHOICES: Readonly<Record<string, readonly string[]>> = {
  state: TASK_STATE_NAMES,
  sortBy: TASK_SORT_KEYS,
  status: RUN_STATUSES,
  source: RUN_SOURCES,
};
