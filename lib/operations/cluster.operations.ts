import type { CallOptions, DrainInput, InstanceInput } from '../client/operation.inputs.js';
import type { ExecutorOverview, HandlerOverview, Health } from '../client/operation.results.js';
import type { Serialized } from '../client/serialized.js';
import { InvalidOptionError } from '../errors/input.errors.js';
import type { SchedulerInstanceInfo } from '../scheduler/cluster/instance.info.js';
import type { SchedulerInfo } from '../scheduler/scheduler.info.js';
import { checkInput, given, OperationsBase } from './operations.base.js';
import { serialize } from './serialize.js';

/** The operations about schedulers, stores, executors and handlers. */
export abstract class ClusterOperations extends OperationsBase {
  async getInfo(input: object = {}, _options?: CallOptions): Promise<Serialized<SchedulerInfo>> {
    checkInput('getInfo', input, []);
    return serialize(await this.scheduler.getSchedulerInfo());
  }

  async getHealth(input: object = {}, _options?: CallOptions): Promise<Health> {
    checkInput('getHealth', input, []);
    const { identity, state } = this.scheduler;
    const stores = this.scheduler.getStoreInfos().map(({ store, state, failuresInARow, lastPassAt }) => ({
      store,
      state,
      failuresInARow,
      lastPassAt: lastPassAt?.toISOString() ?? null,
    }));
    const works = (state === 'running' || state === 'paused') && stores.every((store) => store.state === 'ok');
    return { status: works ? 'ok' : 'failing', identity, state, stores };
  }

  async listInstances(
    input: object = {},
    _options?: CallOptions,
  ): Promise<readonly Serialized<SchedulerInstanceInfo>[]> {
    checkInput('listInstances', input, []);
    return serialize(await this.scheduler.getSchedulerInstanceInfos());
  }

  async drainInstance(input: DrainInput, _options?: CallOptions): Promise<void> {
    const { identity, reason, wait, timeout } = checkInput('drainInstance', input, [
      'identity',
      'reason',
      'wait',
      'timeout',
    ]);
    await this.scheduler.drainScheduler(checkIdentity(identity), {
      ...this.asked(reason),
      ...given('wait', wait),
      ...(wait === true && this.waitOf(timeout)),
    });
  }

  async undrainInstance(input: InstanceInput, _options?: CallOptions): Promise<void> {
    const { identity } = checkInput('undrainInstance', input, ['identity']);
    await this.scheduler.undrainScheduler(checkIdentity(identity));
  }

  async listStores(input: object = {}, _options?: CallOptions): Promise<Serialized<SchedulerInfo['stores']>> {
    checkInput('listStores', input, []);
    return serialize(this.scheduler.getStoreInfos());
  }

  async listExecutors(input: object = {}, _options?: CallOptions): Promise<readonly ExecutorOverview[]> {
    checkInput('listExecutors', input, []);
    const found = new Map<string, ExecutorOverview>();
    for (const { identity, executors } of await this.#live()) {
      for (const { alias, running, room } of executors) {
        const known = found.get(alias) ?? { executor: alias, running: 0, room: 0, instances: [] };
        found.set(alias, {
          executor: alias,
          running: known.running + running,
          room: known.room === null || room === null ? null : known.room + room,
          instances: [...known.instances, identity],
        });
      }
    }
    return sorted(found);
  }

  async listHandlers(input: object = {}, _options?: CallOptions): Promise<readonly HandlerOverview[]> {
    checkInput('listHandlers', input, []);
    const found = new Map<string, HandlerOverview>();
    for (const { identity, handlers } of await this.#live()) {
      for (const handler of handlers) {
        found.set(handler, { handler, instances: [...(found.get(handler)?.instances ?? []), identity] });
      }
    }
    return sorted(found);
  }

  async #live(): Promise<readonly SchedulerInstanceInfo[]> {
    return (await this.scheduler.getSchedulerInstanceInfos()).filter(({ alive }) => alive);
  }
}

function sorted<T>(found: ReadonlyMap<string, T>): readonly T[] {
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}

function checkIdentity(identity: unknown): string {
  if (typeof identity === 'string' && identity !== '') return identity;
  throw new InvalidOptionError('identity', identity, 'the identity of a scheduler');
}
