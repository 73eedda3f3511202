import { createCodecFactory } from '../../../lib/persistence/codec.factory.js';
import { resolveRecordSizes } from '../../../lib/persistence/record.size.js';
import type { CodecFactoryOptions } from '../../../lib/persistence/codec.factory.js';
import type { TaskCodec } from '../../../lib/persistence/codec.interface.js';
import { SerializerRegistry } from '../../../lib/persistence/serializer.registry.js';
import { makeLiveRun, makeTask } from '../../../lib/testing/task.fixtures.js';
import type { TaskRecord } from '../../../lib/model/task.js';
import type { StoredTask } from '../../../lib/model/task.js';

/** A codec, in clear unless a key ring is given. */
export function makeCodec(
  options: Partial<CodecFactoryOptions> = {},
  codecOptions: { serializer?: string; encrypt?: boolean; inClear?: () => void } = {},
): TaskCodec {
  return createCodecFactory({
    namespace: 'main',
    serializers: new SerializerRegistry(),
    keyRing: null,
    allowPlaintext: false,
    required: false,
    ...options,
    ...resolveRecordSizes(options),
  })(codecOptions);
}

/** A task in which every field that may be null is filled. */
export function makeFullTask(
  id = 'full',
  args: readonly unknown[] = [{ report: 7, of: ['a', null, true] }],
): TaskRecord {
  return makeTask(id, {
    name: 'A full task',
    args,
    tags: ['a', 'b'],
    trigger: { type: 'cron', expression: '0 2 * * *', timezone: 'Europe/Lisbon' },
    origin: 'code',
    declared: { trigger: 'f1', options: { name: 'f2' }, paused: false, disabled: false },
    nextRunTime: 1_600_000_000_000,
    policies: {
      misfireGraceMs: 1_000,
      retry: { attempts: 3, backoff: 'exponential', delayMs: 1_000, maxDelayMs: 60_000 },
      timeoutMs: 5_000,
      pauseAfterFailures: 10,
      priority: -3,
      history: 'failures',
    },
    state: {
      lastScheduledTime: 1_599_000_000_000,
      scheduledCount: 12,
      failuresInARow: 1,
      lastToken: 40,
      pause: { at: 1_599_000_000_001, reason: 'maintenance', actor: 'ops' },
      live: [
        makeLiveRun(`${id}@1`, {
          status: 'running',
          owner: 'owner-1',
          token: 40,
          leaseUntil: 1_600_000_030_000,
          startedAt: 1_600_000_000_000,
          cancel: { at: 1_600_000_000_500, actor: 'ops', reason: 'too slow' },
        }),
        makeLiveRun(`${id}@2`),
      ],
      lastRun: { id: `${id}@0`, status: 'failed', startedAt: 1_599_000_000_000, endedAt: 1_599_000_000_900 },
      problem: { code: 'ASYNCZ_TRIGGER', message: 'the trigger threw', at: 1_599_000_000_000, count: 2 },
    },
  });
}

/** Why it cannot be read, or a note that it can. */
export function reasonOf(task: StoredTask): string {
  return 'unreadable' in task ? task.unreadable : 'readable';
}

/** A value nested so many levels deep. */
export function nest(levels: number, kind: 'array' | 'object' | 'map' | 'set' | 'rich'): unknown {
  let value: unknown = kind === 'rich' ? new Date(0) : 'innermost';
  for (let level = kind === 'rich' ? 1 : 0; level < levels; level += 1) {
    if (kind === 'map') value = new Map([['k', value]]);
    else if (kind === 'set') value = new Set([value]);
    else value = kind === 'object' ? { k: value } : [value];
  }
  return value;
}
