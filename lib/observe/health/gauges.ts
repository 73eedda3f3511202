import type { EventDispatcher } from '../../events/event.dispatcher.js';
import type { Clock } from '../../model/clock.js';
import type { GaugeReading } from '../meter/scheduler.metrics.js';
import { executorsInUse } from '../../scheduler/cluster/executor.use.js';
import type { ExecutorRegistry } from '../../scheduler/loop/executor.registry.js';
import type { StoreHandle } from '../../scheduler/tasks/store.handle.js';
import type { StoreRegistry } from '../../scheduler/tasks/store.registry.js';
import type { StoreProbes } from './store.probes.js';

const SECOND_MS = 1_000;

interface GaugeServices {
  readonly clock: Clock;
  readonly stores: StoreRegistry;
  readonly executors: ExecutorRegistry;
  readonly events: EventDispatcher;
  readonly probes: StoreProbes;
}

/** The numbers of a scheduler that are looked up when somebody asks. Never rejects. */
export async function readGauges(services: GaugeServices): Promise<readonly GaugeReading[]> {
  const { stores, executors, events } = services;
  const ofStores = await Promise.all(stores.all().map((handle) => storeGauges(handle, services)));
  const ofExecutors = executorsInUse(executors, stores).flatMap(({ alias, running, room }): GaugeReading[] => [
    ['asyncz.executor.active', { labels: { executor: alias }, value: running }],
    ...(room === null ? [] : [['asyncz.executor.room', { labels: { executor: alias }, value: room }] as GaugeReading]),
  ]);
  return [...ofStores.flat(), ...ofExecutors, ['asyncz.event.dropped', { labels: {}, value: events.dropped }]];
}

/** One that is closed says nothing. */
async function storeGauges(handle: StoreHandle, { clock, probes }: GaugeServices): Promise<readonly GaugeReading[]> {
  if (!handle.opened) return [];
  const labels = { store: handle.alias };
  const answer = await probes.ask(handle);
  const readings: GaugeReading[] = [['asyncz.store.up', { labels, value: answer.state === 'up' ? 1 : 0 }]];
  if (answer.state === 'up') {
    readings.push(['asyncz.task.due', { labels, value: answer.due }]);
    readings.push(['asyncz.task.oldest_due_age', { labels, value: answer.oldestDueMs / SECOND_MS }]);
  }
  const health = handle.loop?.health();
  if (!health) return readings;
  readings.push(['asyncz.run.active', { labels, value: health.running }]);
  readings.push(['asyncz.handler.abandoned', { labels, value: health.abandoned }]);
  if (health.lastPassAt !== null) {
    readings.push(['asyncz.loop.age', { labels, value: Math.max(0, clock.now() - health.lastPassAt) / SECOND_MS }]);
  }
  return readings;
}
