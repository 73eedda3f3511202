import type { TaskDefinition } from '../../model/definition.js';
import { isLimited } from '../../model/limits.js';
import { dueTime } from '../../model/task.js';
import type { TaskRecord } from '../../model/task.js';
import type { DueFilter, DueOrder } from '../../stores/selection.interface.js';
import { ClaimSize } from './claim.size.js';
import type { Claim, ClaimRequest } from './claim.step.js';
import type { ExecutorRegistry } from './executor.registry.js';
import type { HandlerRegistry } from './handler.registry.js';
import { KeyTurns } from './key.turns.js';
import { ClaimRoom } from './room.js';
import type { RunLimits } from './run.limits.js';

/** While more is due than there is room for, each so-many-th claim goes by age, whatever the priority: nothing starves. */
const CLAIMS_BY_AGE = 8;

/** A claim to be made. */
export interface NextClaim {
  readonly request: ClaimRequest;
  readonly room: ClaimRoom;
}

/** What takes room by the time of an answer, and does not yet. */
export interface RoomTakers {
  /** How many runs are about to start, by executor. */
  readonly starting: ReadonlyMap<string, number>;
  /** The claims that are not answered. */
  readonly asked: readonly NextClaim[];
}

interface Services {
  readonly executors: Pick<ExecutorRegistry, 'rooms' | 'hasRoom'>;
  readonly handlers: Pick<HandlerRegistry, 'names'>;
  readonly limits: Pick<RunLimits, 'full' | 'room'>;
  /** How long a lease lasts, in milliseconds. */
  readonly leaseMs: number;
  /** How many claims are asked for before the runs of this one start, while more is due: it leaves an equal share of the room to each. */
  readonly ahead: number;
}

/**
 * What the claims of one store ask for: of how many tasks, in which order, and which are left out because nothing here could
 * run them now. Each claim learns from the answer to the one before.
 */
export class ClaimRequests {
  readonly #size: ClaimSize;
  /** Whose turn it is among the keys of groups. */
  readonly #turns = new KeyTurns();
  /** Whether something is due that was left out since it has had its turn. */
  #isTurnOver = false;
  /** The executors that claims leave out: the full ones, and maybe more. */
  #leftOut: readonly string[] = [];
  /** Whether others than the full ones are left out. */
  #leavesOutMore = false;
  /**
   * The executors that became full in the last claim. Their due tasks took places in it that others' could have had, so the
   * next claim leaves them out.
   */
  #lacking: ReadonlySet<string> = new Set();
  /** Whether the last claim took as much as it was allowed to. */
  #isContended = false;
  #contendedClaims = 0;
  /** The most room that there was. */
  #mostRoom = 0;
  #lastOrder: DueOrder = 'priority';
  /** Whether the next claim is the last one made once more, in its order, since more may start now. */
  #repeats = false;

  constructor(private readonly services: Services) {
    this.#size = new ClaimSize(services.leaseMs);
  }

  /** The next claim; null while no executor has room. */
  next(takers?: RoomTakers): NextClaim | null {
    const rooms = takers ? less(this.services.executors.rooms(), takers) : this.services.executors.rooms();
    this.#leaveOut(rooms, takers?.asked ?? []);
    let room = 0;
    for (const one of rooms.values()) room += one;
    if (room === 0) return null;
    this.#mostRoom = Math.max(this.#mostRoom, room);
    const share = this.#isContended ? Math.ceil(this.#mostRoom / (1 + this.services.ahead)) : Infinity;
    const limit = Math.min(room, share, this.#size.limit);
    this.#lastOrder = this.#repeats ? this.#lastOrder : this.#order();
    this.#repeats = false;
    return {
      request: { limit, order: this.#lastOrder, ...this.filter() },
      room: this.room(takers ? atMost(rooms, limit) : rooms),
    };
  }

  /** The room for one claim. */
  room(executors = this.services.executors.rooms()): ClaimRoom {
    return new ClaimRoom({ executors, limits: this.services.limits.room() });
  }

  /** Which due tasks could run here now. */
  filter(): DueFilter {
    const { handlers, limits } = this.services;
    const { group, key } = limits.full();
    return {
      handlers: handlers.names(),
      except: { group, key: [...key, ...this.#turns.except], executor: this.#leftOut },
    };
  }

  /**
   * Learns from the answer to a claim.
   *
   * @param ms How long it took, in milliseconds.
   * @param waitsForRoom Whether a task waits for room alone.
   * @returns The tasks that wait for what their limits give, and for nothing else.
   */
  answered(
    { request, room }: NextClaim,
    { claimed, simple, left, storeNow }: Claim,
    ms: number,
    waitsForRoom: (task: TaskRecord) => boolean,
  ): readonly TaskDefinition[] {
    const count = claimed.length + simple.length;
    this.#size.note(count, ms);
    this.#isContended = count >= request.limit;
    const lacking = new Set<string>();
    const waiting: TaskDefinition[] = [];
    const decided = claimed.map(({ value }) => value);
    for (const task of [...left, ...claimed.map((one) => one.task)]) {
      if (!task || (dueTime(task.definition, task.state) ?? Infinity) > storeNow) continue;
      const { executor, policies } = task.definition;
      if (room.isFull(executor, decided)) lacking.add(executor);
      else if (isLimited(policies) && waitsForRoom(task)) waiting.push(task.definition);
    }
    this.#lacking = lacking;
    this.#isTurnOver = this.#turns.answered({
      except: request.except ?? {},
      isAll: count + left.length < request.limit,
      started: decided.flatMap(({ definition, start }) => (start.length > 0 ? definition : [])),
      waiting,
    });
    return waiting;
  }

  /**
   * Whether another claim follows at once.
   *
   * @param mayStartMore Whether the same claim, made once more, may start something, now that what was lacking is there.
   */
  isAnotherDue(mayStartMore: boolean): boolean {
    this.#repeats = mayStartMore;
    return this.#isContended || mayStartMore || this.#leavesOutMore || this.#isTurnOver;
  }

  /** Whether the last claim took as much as it was allowed to, so that more may be due. */
  get isContended(): boolean {
    return this.#isContended;
  }

  /** Whether something that was left out could run now. */
  hasRoomForLeftOut(): boolean {
    return this.#leftOut.some((alias) => this.services.executors.hasRoom(alias));
  }

  /**
   * Leaves out the full executors; and, if others have room, those that became full in the last claim, also if they have room
   * again.
   */
  #leaveOut(rooms: ReadonlyMap<string, number>, asked: readonly NextClaim[]): void {
    const aliases = [...rooms.keys()];
    const full = aliases.filter((alias) => rooms.get(alias) === 0);
    const more = aliases.filter((alias) => this.#lacking.has(alias) && rooms.get(alias) !== 0);
    this.#leavesOutMore = more.length > 0 && full.length + more.length < aliases.length;
    this.#leftOut = this.#leavesOutMore ? [...full, ...more] : full;
    // Those that claims under way may fill, and then may not.
    this.#leavesOutMore ||= full.some((alias) => asked.some(({ room }) => room.of(alias) > 0));
  }

  /** While more is due than there is room for, one claim in a few goes by age alone. */
  #order(): DueOrder {
    if (!this.#isContended) return 'priority';
    this.#contendedClaims += 1;
    return this.#contendedClaims % CLAIMS_BY_AGE === 0 ? 'age' : 'priority';
  }
}

/** A claim beside others may start no more runs than tasks: one task may have more runs than there is room for in all. */
function atMost(rooms: ReadonlyMap<string, number>, limit: number): ReadonlyMap<string, number> {
  return new Map(Array.from(rooms, ([alias, room]) => [alias, Math.min(room, limit)]));
}

function less(rooms: ReadonlyMap<string, number>, { starting, asked }: RoomTakers): ReadonlyMap<string, number> {
  return new Map(
    Array.from(rooms, ([alias, room]) => {
      let left = room - (starting.get(alias) ?? 0);
      for (const claim of asked) left -= claim.room.of(alias);
      return [alias, Math.max(0, left)];
    }),
  );
}
