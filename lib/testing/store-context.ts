import { deserialize, serialize } from 'node:v8';
import { SystemClock } from '../model/clock.js';
import type { Clock } from '../model/clock.js';
import { SILENT_LOGGER } from '../model/logger.js';
import type { Logger } from '../model/logger.js';
import { dueTime, runningCount } from '../model/task.js';
import type { UnreadableTask } from '../model/task.js';
import type { TaskCodec } from '../persistence/codec.interface.js';
import type { StoreContext } from '../stores/store.interface.js';

/**
 * What a store is started with when there is no scheduler.
 *
 * @publicApi
 */
export interface StoreContextOptions {
  /** @default 'default' */
  readonly alias?: string;
  /** The identity of the scheduler that there is not. @default 'test' */
  readonly identity?: string;
  /** @default the machine's */
  readonly clock?: Clock;
  /** @default one that writes nothing */
  readonly logger?: Logger;
  /** Turns encryption on; the first of several secrets writes. */
  readonly encryption?: { readonly keys: string };
  /** Is told of every record that cannot be read. */
  readonly onUnreadable?: (task: UnreadableTask) => void;
}

/**
 * Starts a store without a scheduler: `await store.start(createStoreContext())`.
 *
 * @publicApi
 */
export function createStoreContext(options: StoreContextOptions = {}): StoreContext {
  const { alias = 'default', identity = 'test', clock = new SystemClock(), logger = SILENT_LOGGER } = options;
  return {
    alias,
    scheduler: { name: 'test', identity },
    clock,
    logger,
    createCodec: () => standInCodec,
    reportUnreadable: (task) => options.onUnreadable?.(task),
  };
}

const pack = (value: unknown) => JSON.stringify({ v: 1, data: serialize(value).toString('base64') });
const unpack = (text: string): unknown =>
  deserialize(Buffer.from((JSON.parse(text) as { data: string }).data, 'base64'));

/** Until the real codec is there. */
const standInCodec: TaskCodec = {
  encodeTask: (task) => ({
    ...standInCodec.encodeState(task),
    name: task.definition.name,
    handler: task.definition.handler,
    executor: task.definition.executor,
    trigger: task.definition.trigger.type,
    tags: task.definition.tags,
    priority: task.definition.policies.priority,
    codec: '1:v8:-',
    definition: pack(task.definition),
  }),
  encodeState: ({ id, version, definition, state }) => ({
    id,
    version,
    paused: state.pause !== null,
    running: runningCount(state),
    finished: state.exhausted && state.live.length === 0,
    nextRunTime: state.nextRunTime,
    dueAt: dueTime(definition, state),
    state: JSON.stringify(state),
  }),
  decodeTask: (row) => {
    try {
      return {
        id: row.id,
        version: row.version,
        definition: unpack(row.definition) as never,
        state: JSON.parse(row.state) as never,
      };
    } catch (error) {
      const { id, handler, nextRunTime } = row;
      return { id, handler, nextRunTime, unreadable: 'damaged', message: String(error) };
    }
  },
  encodeRun: ({ error, result, ...run }) => ({ ...run, outcome: pack({ error, result }) }),
  decodeRun: ({ outcome, ...run }) => ({ ...run, ...(unpack(outcome!) as { error: null; result: unknown }) }),
  readable: () => ['1:v8:-'],
};
