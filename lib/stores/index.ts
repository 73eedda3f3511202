// The public names of `nestjs-asyncz/store`: what only authors of stores use. Errors and what applications use too, such as
// `Store` itself, are in the main entry.

export { BaseStore } from './base.store.js';
export type {
  AddOptions,
  Committed,
  JournalOptions,
  PruneOptions,
  Selected,
  StoreCapabilities,
  StoreContext,
  Transacted,
  TransactOptions,
} from './store.interface.js';
export type { DueFilter, DueOrder, FailedChange, Selection } from './selection.interface.js';
export type { Exchange, Exchanged, Taken, TakeRequest, Written } from './exchange.interface.js';
export { standOf, standUnder } from '../model/change.js';
export type { Apply, Change, KnownChange, TakenTask, TaskStand } from '../model/change.js';

export { dueTime, isUnreadable } from '../model/task.js';
export type { LastRun, Pause, StoredTask, TaskLease, TaskRecord, TaskState, UnreadableTask } from '../model/task.js';
export type { Declaration, Renaming, TaskDefinition } from '../model/definition.js';
export type { LiveRun } from '../model/run.js';
export type { DrainRequest, SchedulerInstance } from '../model/scheduler-instance.js';
export type {
  PageRequest,
  StoredRunFilter,
  StoredRunPage,
  RunPageRequest,
  StoredTaskFilter,
  StoredTaskPage,
  TaskSort,
} from '../model/query.js';

export type { StartTaskKind, StartTaskPage, StartTaskPageRequest } from '../model/start-tasks.js';

export type {
  JournalPageRequest,
  PruneJournalOptions,
  StoredJournalFilter,
  StoredJournalPage,
} from '../model/journal.js';
export type {
  JournalRow,
  RunOutcomeField,
  RunRow,
  TaskCodec,
  TaskRow,
  TaskStateRow,
} from '../persistence/codec.interface.js';

export { DUE_KEYS } from '../model/due-keys.js';
export type { DueExcept, DueKey, DueKeyValues } from '../model/due-keys.js';
