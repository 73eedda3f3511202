import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../model/clock.js';
import type { HandlerInputSchema } from '../../model/json.schema.js';
import type { SchedulerInstance } from '../../model/scheduler-instance.js';
import { Deadline } from '../../time/deadline.js';
import type { KnownInput, PublishedInputs } from '../tasks/published.inputs.js';
import type { StoreHandle } from '../tasks/store.handle.js';
import { readInputs } from './input.record.js';
import { isAlive } from './membership.js';

/** For how long an answer counts, and from when on it is asked again in the background, in milliseconds. */
const KEPT_MS = 60_000;
const RENEWED_MS = 10_000;
/** How long whoever adds a task waits for an answer, in milliseconds. */
const WAIT_MS = 2_000;

interface DirectoryServices {
  readonly heartbeatMs: number;
  readonly clock: Clock;
}

/** What the handlers of some set take, by its digest. */
type Sets = ReadonlyMap<string, ReadonlyMap<string, HandlerInputSchema>>;

interface Known {
  /** On the monotonic clock. */
  readonly at: number;
  readonly sets: Sets;
  readonly byHandler: ReadonlyMap<string, HandlerInputSchema[] | null>;
}

interface Place {
  known: Known | null;
  asking: Promise<void> | null;
}

/** Asks stores what the handlers of other schedulers take, and remembers it for a while. */
export class InputDirectory implements PublishedInputs {
  readonly #places = new WeakMap<StoreHandle, Place>();

  constructor(private readonly services: DirectoryServices) {}

  find(
    handle: StoreHandle,
    handler: string,
    wish: 'now' | 'known' | 'fresh',
  ): KnownInput | null | Promise<KnownInput | null> {
    let place = this.#places.get(handle);
    if (!place) this.#places.set(handle, (place = { known: null, asking: null }));
    if (!handle.opened) return null;
    const ageMs = place.known === null ? Infinity : this.services.clock.monotonic() - place.known.at;
    if (wish === 'fresh' || ageMs > KEPT_MS) {
      const asked = this.#ask(handle, place);
      return wish === 'now' ? null : asked.then((isAnswered) => (isAnswered ? inputIn(place, handler, true) : null));
    }
    if (ageMs > RENEWED_MS) {
      void this.#ask(handle, place);
      // Who cannot ask again is refused nothing by what may have changed.
      if (wish === 'now') return null;
    }
    return inputIn(place, handler, false);
  }

  /** Whether there was an answer in time. Never rejects. */
  async #ask(handle: StoreHandle, place: Place): Promise<boolean> {
    place.asking ??= this.#load(handle, place).finally(() => (place.asking = null));
    const { asking } = place;
    try {
      return await new Deadline(this.services.clock, WAIT_MS).holds(asking);
    } catch {
      // Whoever adds a task hears of that from the store itself.
      return false;
    }
  }

  async #load({ store, clock }: StoreHandle, place: Place): Promise<void> {
    const { heartbeatMs } = this.services;
    const at = this.services.clock.monotonic();
    const all = await store.schedulers();
    const alive = all.filter((one) => one.role === 'worker' && isAlive(one, clock.now(), heartbeatMs));
    const earlier = place.known?.sets;
    const isKnown = alive.every(({ inputs }) => inputs === null || earlier?.has(inputs));
    const sets = earlier !== undefined && isKnown ? earlier : await readInputs(store);
    place.known = { at, sets, byHandler: inputsOf(alive, sets) };
  }
}

function inputIn({ known }: Place, handler: string, isFresh: boolean): KnownInput {
  const inputs = known!.byHandler.get(handler);
  return { inputs: inputs === undefined ? [] : inputs, isFresh };
}

/** What each handler takes, as those say who have it. */
function inputsOf(alive: readonly SchedulerInstance[], sets: Sets): Known['byHandler'] {
  const byHandler = new Map<string, HandlerInputSchema[] | null>();
  for (const { handlers, inputs } of alive.toSorted((a, b) => b.startedAt - a.startedAt)) {
    const set = inputs === null ? undefined : sets.get(inputs);
    for (const handler of handlers) {
      const input = set?.get(handler);
      const found = byHandler.get(handler);
      if (!input) byHandler.set(handler, null);
      else if (found === undefined) byHandler.set(handler, [input]);
      else if (found !== null && !found.some((one) => isDeepStrictEqual(one, input))) found.push(input);
    }
  }
  return byHandler;
}
