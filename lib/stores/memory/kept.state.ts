import { initialState } from '../../model/task.defaults.js';
import type { TaskState, TaskStateDraft } from '../../model/task.js';
import { frozenCopy } from './task.copies.js';

/** The state of a task that nothing has happened to yet, which a million tasks may have: three times say all of it. */
class FreshState {
  readonly #createdAt: number;
  readonly #scheduledTime: number | null;
  readonly #runTime: number | null;

  constructor({ createdAt, nextScheduledTime, nextRunTime }: TaskState) {
    this.#createdAt = createdAt;
    this.#scheduledTime = nextScheduledTime;
    this.#runTime = nextRunTime;
  }

  /** Made anew for each that asks, so it need not be frozen. */
  toState(): TaskState {
    const state: TaskStateDraft = initialState(this.#createdAt);
    state.nextScheduledTime = this.#scheduledTime;
    state.nextRunTime = this.#runTime;
    return state;
  }
}

/** A state as the store in memory keeps it: nobody else can change it. */
export type KeptState = FreshState | TaskState;

/** Keeps the state of a task of a caller, who may change it afterwards. */
export function keep(state: TaskState): KeptState {
  return isFresh(state) ? new FreshState(state) : frozenCopy(state);
}

/** Keeps what a plan has made, which is the store's from then on: a copy of it would cost as much as all the rest. */
export function keepMade(state: TaskState): KeptState {
  freeze(state);
  return state;
}

/** The state as it is given out. */
export function stateOf(kept: KeptState): TaskState {
  return kept instanceof FreshState ? kept.toState() : kept;
}

/** The fields that are the same in every fresh state, but for the list of runs. */
const {
  createdAt: _at,
  updatedAt: _updated,
  nextScheduledTime: _s,
  nextRunTime: _r,
  live: _live,
  ...SAME
} = initialState(0);
const SAME_FIELDS = Object.keys(SAME) as (keyof typeof SAME)[];

function isFresh(state: TaskState): boolean {
  if (state.updatedAt !== state.createdAt || state.live.length > 0) return false;
  return SAME_FIELDS.every((field) => state[field] === SAME[field]);
}

/** All of it: what is frozen itself may hold what is not. */
function freeze(value: object): void {
  for (const key in value) {
    const child = (value as Record<string, unknown>)[key];
    if (typeof child === 'object' && child !== null) freeze(child);
  }
  Object.freeze(value);
}
