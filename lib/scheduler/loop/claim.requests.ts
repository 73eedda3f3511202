import type { TaskDefinition } from '../../model/definition.js';
import type { ClaimRequest, DueFilter, DueOrder } from '../../stores/store.interface.js';
import { ClaimSize } from './claim.size.js';
import type { ExecutorRegistry, PlaceCounter } from './executor.registry.js';
import type { GroupSlots } from './group.slots.js';
import type { HandlerRegistry } from './handler.registry.js';

/** While more is due than there is room for, each so-many-th claim goes by age, whatever the priority: nothing starves. */
const CLAIMS_BY_AGE = 8;

/** What one claim asks the store for, whoever makes it. */
type Request = DueFilter & Required<Pick<ClaimRequest, 'limit' | 'order'>>;

/** One claim, from its request to its answer. */
export interface NextClaim {
  readonly request: Request;
  /** Whether there is room for one more run of a task, which then has it. */
  readonly takeRoom: (definition: TaskDefinition) => boolean;
  /**
   * Is to be told of the answer.
   *
   * @param count How many tasks were claimed.
   * @param ms How long it took, in milliseconds.
   */
  readonly answered: (count: number, ms: number) => void;
}

interface Services {
  readonly executors: ExecutorRegistry;
  readonly handlers: Pick<HandlerRegistry, 'names'>;
  readonly slots: Pick<GroupSlots, 'full' | 'counter'>;
  /** How long a lease lasts, in milliseconds. */
  readonly leaseMs: number;
}

/**
 * What the claims of one store ask for, one after the other: of how many tasks, in which order, and which are left out
 * because nothing here could run them now. Each learns from the one before.
 */
export class ClaimRequests {
  readonly #size: ClaimSize;
  #room = 0;
  /** The executors that are full, and those that claims leave out: these, and maybe more. */
  #full: readonly string[] = [];
  #leftOut: readonly string[] = [];
  /** Those that became full in the last claim: what else it met of theirs kept others from being seen, so the next one leaves them out. */
  #lacking: ReadonlySet<string> = new Set();
  /** Whether the last claim took as much as it was allowed to. */
  #isContended = false;
  #contendedClaims = 0;
  #lastOrder: DueOrder = 'priority';
  #nextOrder: DueOrder | null = null;

  constructor(private readonly services: Services) {
    this.#size = new ClaimSize(services.leaseMs);
  }

  /** Looks how much room the executors have. Returns whether there is any. */
  look(): boolean {
    const { executors } = this.services;
    this.#room = executors.room();
    this.#full = executors.full();
    this.#leftOut = this.#executorsToLeaveOut();
    return this.#room > 0;
  }

  /** The next claim. */
  next(): NextClaim {
    const request = {
      limit: Math.min(this.#room, this.#size.limit),
      order: this.#nextOrder ?? this.#order(),
      ...this.filter(),
    };
    const places = this.services.executors.counter();
    const takeRoom = this.#roomCounter(places);
    return { request, takeRoom, answered: (count, ms) => this.#answered(request, places, count, ms) };
  }

  /** Which due tasks could run here now. */
  filter(): DueFilter {
    const { handlers, slots } = this.services;
    return { handlers: handlers.names(), except: { group: slots.full(), executor: this.#leftOut } };
  }

  /**
   * Whether another claim is to follow at once.
   *
   * @param mayStartMore Whether the same claim, made once more, may start something, now that slots of groups are had.
   */
  isAnotherDue(mayStartMore: boolean): boolean {
    this.#nextOrder = mayStartMore ? this.#lastOrder : null;
    return this.#isContended || mayStartMore || this.#leftOut.length > this.#full.length;
  }

  /** Whether something that was left out could run now. */
  hasRoomForLeftOut(): boolean {
    return this.#leftOut.some((alias) => this.services.executors.hasRoom(alias));
  }

  /** The full ones; and, where others have room, those that became full in the last claim, however soon they have room again. */
  #executorsToLeaveOut(): readonly string[] {
    const full = this.#full;
    const more = [...this.#lacking].filter((alias) => !full.includes(alias));
    const hasOthers = this.services.executors.aliases().some((alias) => !full.includes(alias) && !more.includes(alias));
    return hasOthers ? [...full, ...more] : full;
  }

  /** Counts the room for one claim: in the executor, and in the group. */
  #roomCounter(places: PlaceCounter): NextClaim['takeRoom'] {
    const takeSlot = this.services.slots.counter();
    return ({ executor, policies }) => {
      // No slot is asked for that could not be used.
      if (!places.hasPlace(executor) || !takeSlot(policies)) return false;
      places.take(executor);
      return true;
    };
  }

  #answered({ limit, order }: Request, { lacking }: PlaceCounter, count: number, ms: number): void {
    this.#size.note(count, ms);
    this.#isContended = count >= limit;
    this.#lastOrder = order;
    this.#lacking = lacking;
  }

  /** While more is due than there is room for, one claim in a few goes by age alone. */
  #order(): DueOrder {
    if (!this.#isContended) return 'priority';
    this.#contendedClaims += 1;
    return this.#contendedClaims % CLAIMS_BY_AGE === 0 ? 'age' : 'priority';
  }
}
