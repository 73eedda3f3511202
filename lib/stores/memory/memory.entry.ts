import type { DueKeyValues } from '../../model/due-keys.js';
import { dueKeyValues } from '../../model/due-keys.js';
import { dueTime } from '../../model/task.js';
import type { TaskLease, TaskRecord } from '../../model/task.js';
import type { TaskDefinition } from '../../model/definition.js';
import type { DueEntry, DueLane } from '../due-index.js';
import { underLease } from '../exchange.js';
import { stateOf } from './kept.state.js';
import type { KeptState } from './kept.state.js';

/** A task as it is kept: nobody else can change what is in it. */
export interface KeptTask {
  readonly id: string;
  readonly definition: TaskDefinition;
  readonly state: KeptState;
  readonly version: number;
}

/** A task as it is kept, with its slot in the index of due times. What is in it is frozen. */
export class MemoryEntry implements DueEntry {
  heapSlot = -1;
  lane: DueLane | null = null;
  readonly id: string;
  #definition: TaskDefinition;
  #state: KeptState;
  #version: number;
  /** Set since the task was taken: it is not written into the state, which is as it was before. */
  #lease: TaskLease | null = null;
  /** Infinity for one that is never due; such a one is not in the index. */
  key: number;

  constructor({ id, definition, state, version }: KeptTask) {
    this.id = id;
    this.#definition = definition;
    this.#state = state;
    this.#version = version;
    this.key = dueTime(definition, stateOf(state)) ?? Infinity;
  }

  get definition(): TaskDefinition {
    return this.#definition;
  }

  get version(): number {
    return this.#version;
  }

  get lastToken(): number {
    return this.#lease?.token ?? stateOf(this.#state).lastToken;
  }

  get handler(): string {
    return this.#definition.handler;
  }

  get priority(): number {
    return this.#definition.policies.priority;
  }

  get dueKeys(): DueKeyValues {
    return dueKeyValues(this.#definition);
  }

  /** The task as it is. */
  get task(): TaskRecord {
    const task = { id: this.id, definition: this.#definition, state: stateOf(this.#state), version: this.#version };
    return this.#lease ? underLease(task, this.#lease) : task;
  }

  /** Replaces the task. Its place in the index is the caller's to move. */
  set({ definition, state, version }: KeptTask): void {
    this.#definition = definition;
    this.#state = state;
    this.#version = version;
    this.#lease = null;
    this.key = dueTime(definition, stateOf(state)) ?? Infinity;
  }

  /** Puts the task under a lease. */
  take(lease: TaskLease): void {
    this.#lease = lease;
    this.#version += 1;
    this.key = lease.until;
  }
}
