import type { Scheduler } from 'nestjs-asyncz';
import type { Selection } from 'nestjs-asyncz/store';
import { AsyncExecutor } from 'nestjs-asyncz';
import { CLUSTER_START } from '../../../support/memory.cluster.js';

/** The record of the group `g`. */
export const RECORD = 'asyncz:group:g';

interface Fields {
  readonly group?: string | null;
  readonly groupLimit?: number;
  readonly priority?: number;
  readonly executor?: string;
  readonly dueMs?: number;
}

/** Adds a one-shot of the group `g`, due a moment ago, unless told otherwise. */
export const add = (scheduler: Scheduler, id: string, { dueMs = -10, group = 'g', ...fields }: Fields = {}) =>
  scheduler.addTask({
    id,
    handler: 'work',
    group,
    ...fields,
    trigger: { type: 'date', runAt: new Date(CLUSTER_START + dueMs) },
  });

/** Whether a change is to be made to a record. */
export const isAbout = (selection: Selection, id: string) => 'ids' in selection && selection.ids.includes(id);
export const narrow = () => new AsyncExecutor({ concurrency: 1 });
