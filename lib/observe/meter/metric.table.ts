/** What is measured: how a number behaves, what it counts, and by what it is told apart. */
interface MetricDefinition {
  /** `counter` only grows; `gauge` goes up and down; `histogram` counts values by their size. */
  readonly kind: 'counter' | 'gauge' | 'histogram';
  /** As OpenTelemetry writes units: `s` for seconds, `{run}` for runs. */
  readonly unit: string;
  readonly help: string;
  /** By what it is told apart, beside the scheduler. Never by a task or a run: there may be any number. */
  readonly labels: readonly MetricLabel[];
  /** The upper bounds of the classes of a histogram, in its unit. */
  readonly bounds?: readonly number[];
}

/**
 * What a metric is told apart by. `handler` is one of 1,000 names in each store at the most; what comes after them is `other`.
 *
 * @publicApi
 */
export type MetricLabel = 'scheduler' | 'store' | 'handler' | 'status' | 'call' | 'executor';

/**
 * The name of a metric, as OpenTelemetry has it: `docs/observability.md` lists them.
 *
 * @publicApi
 */
export type MetricName =
  | 'asyncz.run.ended'
  | 'asyncz.run.dead'
  | 'asyncz.run.duration'
  | 'asyncz.run.lateness'
  | 'asyncz.run.attempts'
  | 'asyncz.run.active'
  | 'asyncz.handler.abandoned'
  | 'asyncz.lease.lost'
  | 'asyncz.claim.duration'
  | 'asyncz.claim.size'
  | 'asyncz.store.failures'
  | 'asyncz.store.up'
  | 'asyncz.loop.age'
  | 'asyncz.executor.active'
  | 'asyncz.executor.room'
  | 'asyncz.event.dropped'
  | 'asyncz.task.due'
  | 'asyncz.task.oldest_due_age';

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800];
const CLAIM_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Every metric, by its name. `docs/observability.md` has the same table, which a test holds against this one. */
export const METRICS = {
  'asyncz.run.ended': {
    kind: 'counter',
    unit: '{run}',
    labels: ['store', 'handler', 'status'],
    help: 'Attempts that ended, by how they ended; those that were missed or skipped, too.',
  },
  'asyncz.run.dead': {
    kind: 'counter',
    unit: '{run}',
    labels: ['store', 'handler'],
    help: 'Runs that failed or were lost for good: no attempt follows, and somebody has to look.',
  },
  'asyncz.run.duration': {
    kind: 'histogram',
    unit: 's',
    labels: ['store', 'handler', 'status'],
    help: 'How long handlers took, an attempt.',
    bounds: SECONDS,
  },
  'asyncz.run.lateness': {
    kind: 'histogram',
    unit: 's',
    labels: ['store', 'handler'],
    help: 'How much later than it was due a handler was called.',
    bounds: SECONDS,
  },
  'asyncz.run.attempts': {
    kind: 'histogram',
    unit: '{attempt}',
    labels: ['store', 'handler'],
    help: 'How many attempts a run had when it was over.',
    bounds: [1, 2, 3, 4, 5, 10, 20, 50],
  },
  'asyncz.run.active': {
    kind: 'gauge',
    unit: '{run}',
    labels: ['store'],
    help: 'Runs whose handlers are under way in this process.',
  },
  'asyncz.handler.abandoned': {
    kind: 'gauge',
    unit: '{handler}',
    labels: ['store'],
    help: 'Handlers that still run in this process although their runs are over.',
  },
  'asyncz.lease.lost': {
    kind: 'counter',
    unit: '{lease}',
    labels: ['store'],
    help: 'Leases that this process lost while it held a run.',
  },
  'asyncz.claim.duration': {
    kind: 'histogram',
    unit: 's',
    labels: ['store'],
    help: 'How long the store took to answer a claim.',
    bounds: CLAIM_SECONDS,
  },
  'asyncz.claim.size': {
    kind: 'histogram',
    unit: '{task}',
    labels: ['store'],
    help: 'How many tasks a claim got.',
    bounds: [0, 1, 2, 5, 10, 20, 50, 100, 200, 500],
  },
  'asyncz.store.failures': {
    kind: 'counter',
    unit: '{failure}',
    labels: ['store', 'call'],
    help: 'Calls of the store that failed, by what was asked for.',
  },
  'asyncz.store.up': {
    kind: 'gauge',
    unit: '{store}',
    labels: ['store'],
    help: '1 when the store answered in time when it was asked last, else 0.',
  },
  'asyncz.loop.age': {
    kind: 'gauge',
    unit: 's',
    labels: ['store'],
    help: 'How long ago the store last answered the loop.',
  },
  'asyncz.executor.active': {
    kind: 'gauge',
    unit: '{run}',
    labels: ['executor'],
    help: 'Runs that an executor of this process has.',
  },
  'asyncz.executor.room': {
    kind: 'gauge',
    unit: '{run}',
    labels: ['executor'],
    help: 'How many more runs an executor of this process takes.',
  },
  'asyncz.event.dropped': {
    kind: 'counter',
    unit: '{event}',
    labels: [],
    help: 'Events that were dropped for listeners of this process that were too slow.',
  },
  'asyncz.task.due': {
    kind: 'gauge',
    unit: '{task}',
    labels: ['store'],
    help: 'Tasks of the whole cluster that are due and not claimed, counted up to 10,000.',
  },
  'asyncz.task.oldest_due_age': {
    kind: 'gauge',
    unit: 's',
    labels: ['store'],
    help: 'For how long the oldest of these tasks has been due; 0 when none is.',
  },
} as const satisfies Readonly<Record<MetricName, MetricDefinition>>;

/** Every {@link MetricName}. */
export const METRIC_NAMES = Object.keys(METRICS) as MetricName[];

/** The names of a kind. */
export type MetricOfKind<Kind extends MetricDefinition['kind']> = {
  [Name in MetricName]: (typeof METRICS)[Name]['kind'] extends Kind ? Name : never;
}[MetricName];

/** The definition of a metric. */
export function metricOf(name: MetricName): MetricDefinition {
  return METRICS[name];
}

/** What ends the name of a metric of a unit in Prometheus. */
const UNIT_WORDS: Readonly<Record<string, string>> = { s: '_seconds', By: '_bytes' };

/**
 * The name of a metric in Prometheus: what its exporters of OpenTelemetry make of the other one, so that a dashboard fits both.
 * A histogram has `_bucket`, `_sum` and `_count` behind it.
 */
export function prometheusName(name: MetricName): string {
  const { kind, unit } = metricOf(name);
  return `${name.replaceAll('.', '_')}${UNIT_WORDS[unit] ?? ''}${kind === 'counter' ? '_total' : ''}`;
}
