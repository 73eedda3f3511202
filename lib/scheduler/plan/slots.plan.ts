import type { Apply } from '../../model/change.js';
import type { LeaseRef } from '../../model/run.js';
import { nextToken } from '../../model/task.js';
import type { TaskState } from '../../model/task.js';
import { startRun } from './start.plan.js';
import type { Starter } from './start.plan.js';
import { waitingRun } from './waiting.run.js';

/** What a scheduler wants of the record of a group. */
export interface SlotRequest {
  /** The tokens of the slots that it gives back. */
  readonly givenBack: ReadonlySet<number>;
  /** How many more it wants. */
  readonly count: number;
  /** It gets no more than makes this many in the whole cluster. */
  readonly limit: number;
}

/** A slot that was granted. */
export interface Slot {
  readonly ref: LeaseRef;
  /** How many slots of the group are held with it: a task whose `groupLimit` is smaller may not use it. */
  readonly rank: number;
}

/**
 * Gives slots of a group back and takes others. The record of the group keeps who holds them as live runs under a lease, so
 * those of a dead scheduler expire by themselves.
 *
 * @returns The plan. Its value are the slots that were granted.
 */
export function changeSlots({ givenBack, count, limit }: SlotRequest, starter: Starter): Apply<readonly Slot[]> {
  return (record, now) => {
    const kept = record.state.live.filter(({ leaseUntil, token }) => leaseUntil! > now && !givenBack.has(token));
    const slots: Slot[] = [];
    const live = [...kept];
    let { lastToken } = record.state;
    for (let rank = kept.length + 1; rank <= Math.min(limit, kept.length + count); rank += 1) {
      const runId = `${record.id}@${nextToken({ lastToken }, now)}`;
      const slot = waitingRun({ id: runId, source: 'schedule', scheduledTime: now, availableAt: now });
      const started = startRun({ lastToken }, slot, starter, now);
      lastToken = started.token;
      live.push(started);
      slots.push({ ref: { taskId: record.id, runId, token: started.token }, rank });
    }
    const isUnchanged = slots.length === 0 && kept.length === record.state.live.length;
    return isUnchanged
      ? null
      : { task: { ...record, state: { ...record.state, updatedAt: now, lastToken, live } }, value: slots };
  };
}

/** For how long the slots of a group are held at the least, in milliseconds; Infinity when none is held. */
export function heldMs({ live }: TaskState, now: number): number {
  return Math.min(...live.map(({ leaseUntil }) => leaseUntil! - now));
}

/**
 * Removes the record of a group that nobody has used for a while.
 *
 * @param idleMs How long that is, in milliseconds.
 */
export function forgetSlots(idleMs: number): Apply<null> {
  return ({ state }, now) => {
    const isIdle = state.live.every(({ leaseUntil }) => leaseUntil! <= now) && now - state.updatedAt >= idleMs;
    // Tokens begin at the store's time, so those of a record that is made anew are larger all the same.
    return isIdle ? { task: null, value: null } : null;
  };
}
