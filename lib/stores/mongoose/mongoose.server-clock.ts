import type { Clock } from '../../model/clock.js';
import type { Hello } from './mongoose.connection.js';

/** How long a measurement counts, in milliseconds. */
const FRESH_MS = 60_000;

/** How many are made at the most, and how short the way has to be that makes further ones needless, in milliseconds. */
const SAMPLES = 3;
const SHORT_WAY_MS = 3;

/** How far this machine's clock may be from what it has to be before it is taken to have been set, in milliseconds. */
const STEP_MS = 20;

interface Sample {
  /** The server's time, in milliseconds since the epoch. */
  readonly serverTime: number;
  /** This machine's steady clock at that time. */
  readonly monotonic: number;
  /** How far off that may be, in milliseconds. */
  readonly uncertainty: number;
  /** Whether this machine's wall clock shows the same, as far as can be told. */
  readonly agrees: boolean;
}

/**
 * The server's clock, measured now and then and carried on by this machine's steady one, so that no operation needs a
 * question for the time and a wrong wall clock here does no harm.
 *
 * Where the two clocks agree as far as can be measured, this machine's is taken as it is: processes of one machine then
 * agree to the millisecond.
 */
export class ServerClock {
  #sample: Sample | null = null;
  #measuring: Promise<void> | null = null;

  constructor(
    private readonly hello: () => Promise<Pick<Hello, 'localTime'>>,
    private readonly clock: Clock,
  ) {}

  /** In milliseconds since the epoch. @throws StoreUnavailableError When the server was never reached. */
  async now(): Promise<number> {
    const sample = this.#sample;
    if (sample === null || this.clock.monotonic() - sample.monotonic > FRESH_MS) {
      this.#measuring ??= this.#measure().finally(() => (this.#measuring = null));
      // An old measurement is better than none; that the server is away is for the operation itself to tell.
      await (sample === null ? this.#measuring : this.#measuring.catch(() => {}));
    }
    return this.#carriedOn(this.#sample!);
  }

  #carriedOn({ serverTime, monotonic, agrees, uncertainty }: Sample): number {
    const expected = serverTime + this.clock.monotonic() - monotonic;
    const wall = this.clock.now();
    return agrees && Math.abs(wall - expected) <= uncertainty + STEP_MS ? wall : Math.round(expected);
  }

  async #measure(): Promise<void> {
    let best: Sample | null = null;
    for (let count = 0; count < SAMPLES; count += 1) {
      const sample = await this.#ask();
      if (best === null || sample.uncertainty < best.uncertainty) best = sample;
      if (best.uncertainty <= SHORT_WAY_MS) break;
    }
    this.#sample = best;
  }

  async #ask(): Promise<Sample> {
    const asked = this.clock.monotonic();
    const { localTime } = await this.hello();
    const way = this.clock.monotonic() - asked;
    const serverTime = localTime.getTime();
    // The server cut off the fraction of a millisecond.
    const uncertainty = way / 2 + 1;
    return {
      serverTime,
      monotonic: asked + way / 2,
      uncertainty,
      agrees: Math.abs(this.clock.now() - way / 2 - serverTime) <= uncertainty,
    };
  }
}
