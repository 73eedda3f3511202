import type { DeclaredTask, Handler, Scheduler, SchedulerOptions } from 'nestjs-asyncz';
import { recordEvents } from '../../../support/events.js';
import type { MemoryCluster } from '../../../support/memory.cluster.js';

/** The code in one of its versions: the handlers that it has, and what it declares. */
export interface Version {
  readonly handlers: Readonly<Record<string, Handler>>;
  readonly declared: readonly DeclaredTask[];
}

export const every = (id: string, handler: string, minutes: number, more: object = {}): DeclaredTask => ({
  id,
  handler,
  trigger: { type: 'interval', minutes },
  ...more,
});

/** A version whose handlers do nothing. */
export function version(...declared: readonly DeclaredTask[]): Version {
  return { handlers: Object.fromEntries(declared.map(({ handler }) => [handler, () => 1])), declared };
}

let count = 0;

/** Another replica of a version, on the same disk. */
export async function replica(
  cluster: MemoryCluster,
  { handlers, declared }: Version,
  options: Omit<SchedulerOptions, 'clock' | 'stores' | 'identity'> = {},
) {
  let events: ReturnType<typeof recordEvents> = [];
  const scheduler = await cluster.join(`replica-${(count += 1)}`, handlers, {
    ...options,
    declared,
    setUp: (one: Scheduler) => (events = recordEvents(one)),
  });
  return { scheduler, events, told: () => events.map(({ name }) => name).filter((name) => name.startsWith('task.')) };
}
