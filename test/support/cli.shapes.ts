import { z } from 'zod';

// The shapes of what each command answers with `--json`: docs/cli.schema.json is made of them, and the tests hold the commands to them.
// A field that is there stays; others may be added.

const time = z.iso.datetime();
const json = z.json();
const nullable = <T extends z.ZodType>(type: T) => type.nullable();
const text = z.string();
const count = z.int().min(0);

const attribution = { actor: nullable(text), reason: nullable(text) };

const runStatus = z.enum(['succeeded', 'failed', 'cancelled', 'missed', 'skipped', 'lost']);
const runSource = z.enum(['schedule', 'manual', 'startup', 'shutdown', 'backfill', 'redrive']);

const unreadableTask = z.object({
  id: text,
  store: text,
  state: z.literal('unreadable'),
  unreadable: text,
  message: text,
  handler: nullable(text),
  nextRunTime: nullable(time),
});

const readableTask = z.object({
  id: text,
  name: text,
  handler: text,
  args: json,
  data: json,
  trigger: z.looseObject({ type: text }),
  triggerDescription: text,
  store: text,
  executor: text,
  origin: z.enum(['code', 'runtime']),
  tags: z.array(text),
  policies: z.looseObject({ maxInstances: count }),
  state: z.enum(['pending', 'scheduled', 'running', 'disabled', 'paused', 'finished']),
  disabled: z.boolean(),
  paused: z.boolean(),
  pause: nullable(z.object({ at: time, ...attribution, byCode: z.boolean() })),
  nextRunTime: nullable(time),
  createdAt: time,
  updatedAt: time,
  lastRun: nullable(z.object({ id: text, status: runStatus, startedAt: nullable(time), endedAt: time })),
  failuresInARow: count,
  live: z.array(z.object({ id: text, status: z.enum(['waiting', 'running']), attempt: count, owner: nullable(text) })),
  version: count,
});

const task = z.union([readableTask, unreadableTask]);

const runError = z.object({ name: text, message: text, code: nullable(text), stack: nullable(text) });

const runBase = {
  id: text,
  taskId: text,
  handler: text,
  source: runSource,
  scheduledTime: time,
  attempt: count,
  owner: nullable(text),
  startedAt: nullable(time),
  request: nullable(z.object(attribution)),
  cancel: nullable(z.object({ at: time, ...attribution })),
};

const endedRun = z.object({
  ...runBase,
  status: runStatus,
  endedAt: time,
  dead: z.boolean(),
  error: nullable(runError),
  result: json.optional(),
});

const liveRun = z.object({ ...runBase, status: z.enum(['waiting', 'running']), leaseUntil: nullable(time) });

const bulk = z.union([z.object({ changed: count, unchanged: count, refused: count }), z.object({ matching: count })]);

const store = z.object({
  store: text,
  state: z.enum(['ok', 'failing']),
  coordination: text,
  wakeUp: text,
  durable: z.boolean(),
  lastError: nullable(text),
});

/** What is written with `--json` where a command fails, to the standard error. */
export const ERROR_SHAPE = z.object({
  error: z.object({ code: nullable(text), message: text, exitCode: z.int().min(1) }),
});

/** By command. */
export const SHAPES: Readonly<Record<string, z.ZodType>> = {
  list: z.object({ tasks: z.array(task), total: count }),
  show: task,
  preview: z.object({
    task: readableTask,
    generatedAt: time,
    requestedCount: count,
    runs: z.array(
      z.object({
        runTime: time,
        scheduledTime: time,
        dst: nullable(z.enum(['gap', 'overlap'])),
        movedByCalendar: nullable(text),
      }),
    ),
    exhausted: z.boolean(),
  }),
  timeline: z.object({
    generatedAt: time,
    timezone: text,
    tasks: count,
    total: count,
    runs: z.array(
      z.object({ runTime: time, scheduledTime: time, taskId: text, name: text, handler: text, store: text }),
    ),
    failed: z.array(z.object({ taskId: text, store: text, message: text })),
  }),
  unreadable: z.array(unreadableTask),
  add: readableTask,
  update: z.object({
    id: text,
    store: text,
    applied: z.boolean(),
    changes: z.array(z.object({ field: text, before: json, after: json })),
    task: nullable(readableTask),
  }),
  reschedule: readableTask,
  pause: z.union([readableTask, bulk]),
  resume: z.union([z.null(), readableTask, bulk]),
  run: z.union([z.object({ runId: text, run: nullable(endedRun) }), bulk]),
  backfill: z.object({ id: text, runs: z.array(text) }),
  remove: z.union([task, bulk]),
  runs: z.object({ runs: z.array(endedRun), next: nullable(text) }),
  'run-info': z.object({ run: z.union([endedRun, liveRun]), attempts: z.array(endedRun) }),
  logs: z.array(
    z.object({
      runId: text,
      attempt: count,
      status: text,
      owner: nullable(text),
      lines: z.array(z.object({ time, level: text, message: text })),
      dropped: count,
      progress: nullable(z.object({ time, value: json })),
    }),
  ),
  cancel: z.object({ runId: text }),
  redrive: z.union([
    z.object({ runId: text }),
    z.object({ matching: count }),
    z.object({ redriven: count, refusedCount: count, next: nullable(text) }),
  ]),
  status: z.object({
    healthy: z.boolean(),
    problems: z.array(text),
    workers: count,
    tasks: z.record(text, count),
    stores: z.array(store),
  }),
  events: z.object({ name: text, time, scheduler: text }),
  doctor: z.object({
    at: time,
    tookMs: z.number(),
    findings: z.array(
      z.object({
        code: text,
        severity: z.enum(['error', 'warning', 'info']),
        confidence: z.enum(['certain', 'likely', 'possible']),
        what: text,
        why: text,
        advice: text,
        subject: z.object({ kind: text, id: text, store: nullable(text) }),
        details: json,
      }),
    ),
    counts: z.object({ error: count, warning: count, info: count }),
    stores: z.array(z.object({ store: text, tasks: count, ofTasks: count, runs: count })),
    leftOut: z.array(text),
  }),
  instances: z.array(
    z.object({
      identity: text,
      name: text,
      role: z.enum(['worker', 'client']),
      host: text,
      pid: count,
      version: text,
      startedAt: time,
      heartbeatAt: time,
      alive: z.boolean(),
      running: count,
      clockOffsetMs: z.number(),
      drain: nullable(z.object({ at: time, ...attribution })),
    }),
  ),
  drain: z.object({ identity: text, drained: z.boolean() }),
  undrain: z.object({ identity: text }),
  plan: z.object({
    version: z.literal(1),
    scheduler: text,
    generatedAt: time,
    digest: text,
    pending: count,
    counts: z.record(text, count),
    omitted: count,
    entries: z.array(
      z.object({
        taskId: text,
        store: text,
        kind: z.enum(['added', 'changed', 'disabled', 'renamed', 'orphaned', 'withheld', 'unreadable']),
        action: z.enum(['add', 'change', 'rename', 'pause', 'remove', 'none']),
        handler: nullable(text),
        storedId: nullable(text),
        fields: z.array(z.object({ field: text, before: nullable(text), after: nullable(text) })),
        holds: z.array(text),
        nextRunBefore: nullable(time),
        nextRunAfter: nullable(time),
        unreadable: nullable(text),
        basis: text,
      }),
    ),
  }),
  apply: z.object({ digest: text, applied: count, unchanged: count, waiting: z.array(text) }),
  schema: z.object({ dialect: text, statements: z.array(text) }),
  migrate: z.array(z.object({ store: text, state: text })),
  rotate: z.object({ store: text, tasks: count, runs: count, unreadable: count, lastTaskId: nullable(text) }),
  copy: z.object({
    from: text,
    to: text,
    tasks: count,
    runs: count,
    unreadable: count,
    lastTaskId: nullable(text),
    skipped: z.array(text),
  }),
  worker: z.object({ identity: text, stopped: z.literal(true) }),
  completion: z.object({ shell: text, script: text }),
  version: z.object({ version: text, node: text }),
};

/** The JSON Schema of all of them, as docs/cli.schema.json has it. */
export function schemaDocument(): object {
  const of = (shape: z.ZodType) => {
    const { $schema: _, ...schema } = z.toJSONSchema(shape, { io: 'input' });
    return schema;
  };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'What the commands of asyncz answer with --json',
    commands: Object.fromEntries(Object.entries(SHAPES).map(([command, shape]) => [command, of(shape)])),
    error: of(ERROR_SHAPE),
  };
}
