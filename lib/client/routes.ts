import type { OperationName } from './operations.js';

/**
 * What a caller may do. Each role may do what those before it may: a `viewer` reads, an `operator` keeps what there is running,
 * an `admin` says what runs.
 *
 * @publicApi
 */
export type Role = 'viewer' | 'operator' | 'admin';

/** Every {@link Role}, the least one first. @publicApi */
export const ROLES: readonly Role[] = ['viewer', 'operator', 'admin'];

/**
 * Of which kind a parameter of the query is: its text is read as that. An `amount` is a time or a duration: a number where it has digits
 * alone.
 *
 * @publicApi
 */
export type QueryKind = 'text' | 'number' | 'amount' | 'flag';

/** How an operation is called over HTTP. @publicApi */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the path of the module. The field of the input that a `:name` is may also stand in the query: see `routePath`. */
  readonly path: string;
  /** The least role that may call it. */
  readonly role: Role;
  /** The fields of the input that stand in the query. All others stand in the body, which is a JSON object. */
  readonly query?: Readonly<Record<string, QueryKind>>;
  /** Whether the field `expectedVersion` of the input stands in the header `If-Match`. */
  readonly ifMatch?: true;
  /** `events`: the answer is a stream of server-sent events. */
  readonly answer?: 'events';
  /** For people: a line in the OpenAPI document. */
  readonly summary: string;
}

const FILTER = {
  store: 'text',
  state: 'text',
  executor: 'text',
  trigger: 'text',
  handler: 'text',
  tag: 'text',
  q: 'text',
} as const satisfies Route['query'];

const PAGE = { sortBy: 'text', descending: 'flag', offset: 'number', limit: 'number' } as const;
const STORE = { store: 'text' } as const;

const RUNS = {
  store: 'text',
  taskId: 'text',
  runId: 'text',
  status: 'text',
  source: 'text',
  dead: 'flag',
  owner: 'text',
  from: 'amount',
  to: 'amount',
  limit: 'number',
  cursor: 'text',
} as const satisfies Route['query'];

/**
 * The operations over HTTP: one row each. Client, controllers and the OpenAPI document are made from it.
 *
 * @publicApi
 */
export const ROUTES: Readonly<Record<OperationName, Route>> = {
  getInfo: { method: 'GET', path: '/info', role: 'viewer', summary: 'The scheduler that answers' },
  getHealth: { method: 'GET', path: '/health', role: 'viewer', summary: 'Whether it and its stores work' },
  listInstances: { method: 'GET', path: '/instances', role: 'viewer', summary: 'The schedulers of the cluster' },
  drainInstance: {
    method: 'POST',
    path: '/instances/:identity/drain',
    role: 'operator',
    summary: 'Have a scheduler claim nothing more',
  },
  undrainInstance: {
    method: 'POST',
    path: '/instances/:identity/undrain',
    role: 'operator',
    summary: 'Have a drained scheduler claim again',
  },
  listStores: { method: 'GET', path: '/stores', role: 'viewer', summary: 'The stores' },
  listExecutors: { method: 'GET', path: '/executors', role: 'viewer', summary: 'The executors of the cluster' },
  listHandlers: { method: 'GET', path: '/handlers', role: 'viewer', summary: 'The handlers of the cluster' },

  listTasks: {
    method: 'GET',
    path: '/tasks',
    role: 'viewer',
    query: { ...FILTER, ...PAGE },
    summary: 'A page of tasks',
  },
  getTask: { method: 'GET', path: '/tasks/:id', role: 'viewer', query: STORE, summary: 'A task' },
  previewTask: {
    method: 'GET',
    path: '/tasks/:id/preview',
    role: 'viewer',
    query: { ...STORE, count: 'number', now: 'amount' },
    summary: 'The next runs of a task',
  },
  getTimeline: {
    method: 'GET',
    path: '/timeline',
    role: 'viewer',
    query: { ...FILTER, perTask: 'number', limit: 'number' },
    summary: 'The next runs of all tasks',
  },
  exportTask: {
    method: 'GET',
    path: '/tasks/:id/definition',
    role: 'viewer',
    query: STORE,
    summary: 'A task as it can be added again',
  },
  exportTasks: {
    method: 'GET',
    path: '/definitions',
    role: 'viewer',
    query: { ...FILTER, ...PAGE },
    summary: 'A page of tasks as they can be added again',
  },
  listUnreadable: {
    method: 'GET',
    path: '/unreadable',
    role: 'viewer',
    query: { ...STORE, limit: 'number' },
    summary: 'The records that cannot be read',
  },

  addTask: { method: 'POST', path: '/tasks', role: 'admin', summary: 'Add a task' },
  addTasks: { method: 'POST', path: '/bulk/add', role: 'admin', summary: 'Add many tasks' },
  upsertTask: { method: 'PUT', path: '/tasks/:id', role: 'admin', summary: 'Add a task, or change it as a whole' },
  updateTask: {
    method: 'PATCH',
    path: '/tasks/:id',
    role: 'admin',
    query: STORE,
    ifMatch: true,
    summary: 'Change options of a task',
  },
  rescheduleTask: {
    method: 'POST',
    path: '/tasks/:id/reschedule',
    role: 'operator',
    query: STORE,
    ifMatch: true,
    summary: 'Give a task another trigger',
  },
  pauseTask: {
    method: 'POST',
    path: '/tasks/:id/pause',
    role: 'operator',
    query: STORE,
    ifMatch: true,
    summary: 'Pause a task',
  },
  resumeTask: {
    method: 'POST',
    path: '/tasks/:id/resume',
    role: 'operator',
    query: STORE,
    ifMatch: true,
    summary: 'End the pause of a task',
  },
  runTask: {
    method: 'POST',
    path: '/tasks/:id/run',
    role: 'operator',
    query: STORE,
    ifMatch: true,
    summary: 'Run a task now',
  },
  backfillTask: {
    method: 'POST',
    path: '/tasks/:id/backfill',
    role: 'operator',
    query: STORE,
    ifMatch: true,
    summary: 'Run a task for past times',
  },
  deleteTask: {
    method: 'DELETE',
    path: '/tasks/:id',
    role: 'admin',
    query: { ...STORE, reason: 'text' },
    ifMatch: true,
    summary: 'Remove a task',
  },

  countTasks: {
    method: 'GET',
    path: '/count',
    role: 'viewer',
    query: FILTER,
    summary: 'How many tasks meet a filter',
  },
  pauseTasks: { method: 'POST', path: '/bulk/pause', role: 'operator', summary: 'Pause all tasks that meet a filter' },
  resumeTasks: { method: 'POST', path: '/bulk/resume', role: 'operator', summary: 'End the pause of many tasks' },
  runTasks: { method: 'POST', path: '/bulk/run', role: 'operator', summary: 'Run all tasks that meet a filter' },
  deleteTasks: { method: 'POST', path: '/bulk/delete', role: 'admin', summary: 'Remove all tasks that meet a filter' },

  listRuns: { method: 'GET', path: '/runs', role: 'viewer', query: RUNS, summary: 'A page of ended runs' },
  getRun: { method: 'GET', path: '/runs/:runId', role: 'viewer', query: STORE, summary: 'A run and its attempts' },
  waitForRun: {
    method: 'GET',
    path: '/runs/:runId/end',
    role: 'viewer',
    query: { ...STORE, timeout: 'amount' },
    summary: 'Wait for the end of a run',
  },
  cancelRun: {
    method: 'POST',
    path: '/runs/:runId/cancel',
    role: 'operator',
    query: STORE,
    summary: 'Cancel a run',
  },
  redriveRun: {
    method: 'POST',
    path: '/runs/:runId/redrive',
    role: 'operator',
    query: STORE,
    summary: 'Give a dead run one more attempt',
  },
  redriveRuns: {
    method: 'POST',
    path: '/bulk/redrive',
    role: 'operator',
    summary: 'Give all dead runs that meet a filter one more attempt',
  },

  getJournal: {
    method: 'GET',
    path: '/journal',
    role: 'viewer',
    query: {
      store: 'text',
      taskId: 'text',
      kind: 'text',
      actor: 'text',
      scheduler: 'text',
      from: 'amount',
      to: 'amount',
      limit: 'number',
      cursor: 'text',
    },
    summary: 'A page of the journal',
  },
  diagnose: { method: 'GET', path: '/diagnosis', role: 'viewer', query: STORE, summary: 'What is wrong' },
  getForecast: {
    method: 'GET',
    path: '/forecast',
    role: 'viewer',
    query: {
      store: 'text',
      executor: 'text',
      trigger: 'text',
      handler: 'text',
      tag: 'text',
      q: 'text',
      from: 'amount',
      to: 'amount',
      bucket: 'amount',
      zone: 'text',
      limit: 'number',
    },
    summary: 'The runs to come, and their load',
  },

  streamEvents: {
    method: 'GET',
    path: '/events',
    role: 'viewer',
    query: { names: 'text', taskId: 'text', handler: 'text', tag: 'text', store: 'text' },
    answer: 'events',
    summary: 'The events from now on',
  },
};

/** The names of all operations. @publicApi */
export const OPERATION_NAMES = Object.keys(ROUTES) as readonly OperationName[];
