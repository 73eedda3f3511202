import { beforeEach, describe, expect, it } from 'vitest';
import type { Executor } from 'nestjs-asyncz';
import { ClaimRequests } from '../../../../lib/scheduler/loop/claim.requests.js';
import { SILENT_LOGGER } from '../../../../lib/model/logger.js';
import { ExecutorRegistry } from '../../../../lib/scheduler/loop/executor.registry.js';
import { makeLiveRun, makeTask } from '../../../../lib/testing/task.fixtures.js';

let rooms: Record<string, number>;
let fullGroups: string[];
let requests: ClaimRequests;

/** An executor that has as much room as `rooms` says. */
const executor = (alias: string) =>
  Object.defineProperty({ execute: async () => null } as unknown as Executor, 'room', { get: () => rooms[alias] });

beforeEach(() => {
  rooms = { default: 100, slow: 1 };
  fullGroups = [];
  const executors = new ExecutorRegistry(SILENT_LOGGER);
  for (const alias of Object.keys(rooms)) executors.add(alias, executor(alias));
  const limits = { full: () => ({ group: fullGroups, key: [] }), room: () => new Map() };
  requests = new ClaimRequests({
    executors,
    handlers: { names: () => ['work'] },
    limits,
    leaseMs: 30_000,
    ahead: 0,
  });
});

/** Makes the next claim, of which the store gives `count`, and leaves tasks of these executors due. Returns what it asked for. */
function claim(count: number, starts: readonly string[] = [], left: readonly string[] = []) {
  const next = requests.next()!;
  const claimed = Array.from({ length: count }, (_, at) => {
    const task = makeTask(`t${at}`, { executor: starts[at] ?? 'default' });
    const start = starts[at] ? [makeLiveRun('run')] : [];
    return { id: task.id, task, value: { definition: task.definition, start, history: [] } };
  });
  const due = left.map((alias, at) => makeTask(`left-${at}`, { executor: alias, nextRunTime: 1 }));
  const answer = { claimed, simple: [], left: due, failed: [], storeNow: 1, nextDue: () => null };
  requests.answered(next, answer, 1, () => true);
  return next.request;
}

describe('the requests of claims', () => {
  it('ask for what there are handlers for, without the groups and the executors that are full', () => {
    fullGroups = ['erp'];
    rooms.slow = 0;
    expect(claim(0)).toEqual({
      limit: 16,
      order: 'priority',
      handlers: ['work'],
      except: { group: ['erp'], key: [], executor: ['slow'] },
    });
    expect(requests.isAnotherDue(false)).toBe(false);
  });

  it('ask for no more than there is room for, and for nothing where there is none', () => {
    rooms = { default: 3, slow: 0 };
    expect(claim(0).limit).toBe(3);
    rooms = { default: 0, slow: 0 };
    expect(requests.next()).toBeNull();
  });

  it('follow each other at once while they get all that they ask for, one in eight by age', () => {
    const orders: string[] = [];
    for (let at = 0; at < 17; at += 1) {
      orders.push(claim(500).order);
      expect(requests.isAnotherDue(false)).toBe(true);
    }
    expect(orders.flatMap((order, at) => (order === 'age' ? at : []))).toEqual([8, 16]);
    claim(3);
    expect(requests.isAnotherDue(false)).toBe(false);
  });

  it('are made once more, in the same order, for the leases of groups that were lacking', () => {
    for (let at = 0; at < 9; at += 1) claim(500);
    // The last one went by age.
    expect(requests.isAnotherDue(true)).toBe(true);
    expect(claim(0).order).toBe('age');
    expect(requests.isAnotherDue(false)).toBe(false);
    expect(claim(0).order).toBe('priority');
  });

  it('leave out an executor that became full in the last one, and are made again when that left others unseen', () => {
    claim(2, ['slow'], ['slow']);
    expect(requests.isAnotherDue(false)).toBe(false);
    expect(claim(0).except?.executor).toEqual(['slow']);
    // It had room all the time as far as anybody can see: what it has to do was not asked for.
    expect(requests.isAnotherDue(false)).toBe(true);
    expect(requests.hasRoomForLeftOut()).toBe(true);
    expect(claim(0).except?.executor).toEqual([]);
  });

  it('leave room to the runs that are about to start and to the claims that are not answered', () => {
    rooms = { default: 10, slow: 1 };
    const first = requests.next()!;
    expect(first.request.limit).toBe(11);
    const second = requests.next({ starting: new Map([['default', 3]]), asked: [] })!;
    expect(second.request.limit).toBe(8);
    expect(requests.next({ starting: new Map([['default', 3]]), asked: [second] })).toBeNull();
  });

  it('leave out an executor that a claim may fill, and are made again where that leaves it unseen', () => {
    const first = requests.next({ starting: new Map(), asked: [] })!;
    expect([first.request.limit, first.room.of('default'), first.room.of('slow')]).toEqual([16, 16, 1]);
    const second = requests.next({ starting: new Map(), asked: [first] })!;
    expect(second.request).toMatchObject({ limit: 16, except: { executor: ['slow'] } });
    const nothing = { claimed: [], simple: [], left: [], failed: [], storeNow: 1, nextDue: () => null };
    for (const one of [first, second]) requests.answered(one, nothing, 1, () => true);
    expect(requests.isAnotherDue(false)).toBe(true);
    expect(claim(0).except?.executor).toEqual([]);
    expect(requests.isAnotherDue(false)).toBe(false);
  });

  it('leave out none for that where there is no other executor with room', () => {
    rooms.default = 0;
    claim(2, ['slow'], ['slow']);
    expect(claim(0).except?.executor).toEqual(['default']);
  });
});
