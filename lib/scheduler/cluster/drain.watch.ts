import type { Clock } from '../../model/clock.js';
import type { DrainRequest } from '../../model/scheduler-instance.js';
import { readDrain, removeDrain } from './drain.record.js';
import type { StoreHandle } from '../tasks/store.handle.js';
import { Throttle } from '../../time/throttle.js';

/** How often wake-ups cause a look at the most, in milliseconds: they can come in thousands. */
const LOOK_MS = 1_000;

/** With every so-many-th heartbeat there is a look, for the wake-up that did not come. */
const HEARTBEATS = 4;

/** A store that is listened to. */
interface Watched {
  readonly stopWakeUps: () => void;
  readonly wakeUps: Throttle;
  asked: DrainRequest | null;
  beats: number;
  looks: number;
  /** The latest look that had an answer. */
  answered: number;
}

/** Finds out whether somebody asks this scheduler to claim nothing more. */
export class DrainWatch {
  /** By alias: a scheduler of several stores may be asked in any of them. */
  readonly #watched = new Map<string, Watched>();
  #request: DrainRequest | null = null;

  /** @param changed Called when somebody asks, and when nobody does any more. */
  constructor(
    private readonly identity: string,
    private readonly clock: Clock,
    private readonly changed: () => void,
  ) {}

  /** Who asked first, the same object for as long as anybody asks; null when nobody does. */
  get request(): DrainRequest | null {
    return this.#request;
  }

  /** Forgets what an earlier scheduler of this identity was asked, and listens from now on. */
  async open(handle: StoreHandle): Promise<void> {
    await removeDrain(handle.store, this.identity);
    // A store that is away is reported by its loop; the next heartbeat looks again.
    const wakeUps = new Throttle(this.clock, LOOK_MS, () => void this.look(handle).catch(() => {}));
    const stopWakeUps = handle.store.onWake(() => wakeUps.ask());
    this.#watched.set(handle.alias, { stopWakeUps, wakeUps, asked: null, beats: 0, looks: 0, answered: 0 });
  }

  /** Stops listening; what was asked for there is done with. */
  async close(handle: StoreHandle): Promise<void> {
    if (!this.#watched.has(handle.alias)) return;
    this.forget(handle);
    // Also what was asked for and not seen yet.
    await removeDrain(handle.store, this.identity);
  }

  /** Stops listening, and asks nothing more of the store. */
  forget(handle: StoreHandle): void {
    const watched = this.#watched.get(handle.alias);
    if (!watched) return;
    this.#watched.delete(handle.alias);
    watched.wakeUps.cancel();
    this.#update();
    watched.stopWakeUps();
  }

  /** Called after each heartbeat in a store. */
  async beat(handle: StoreHandle): Promise<void> {
    const watched = this.#watched.get(handle.alias);
    if (!watched) return;
    watched.beats += 1;
    if (watched.beats % HEARTBEATS === 0) await this.look(handle);
  }

  async look(handle: StoreHandle): Promise<void> {
    const watched = this.#watched.get(handle.alias);
    if (!watched) return;
    const look = (watched.looks += 1);
    const asked = await readDrain(handle.store, this.identity);
    // A later look was faster. One that was closed meanwhile changes nothing: nobody asks what it has found.
    if (look < watched.answered) return;
    watched.answered = look;
    watched.asked = asked;
    this.#update();
  }

  #update(): void {
    const asking = Array.from(this.#watched.values(), ({ asked }) => asked).find((asked) => asked !== null) ?? null;
    if ((asking === null) === (this.#request === null)) return;
    this.#request = asking;
    this.changed();
  }
}
