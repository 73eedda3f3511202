import { createHash, timingSafeEqual } from 'node:crypto';
import { TooManyAttemptsError, UnauthorizedError } from '../errors/api.errors.js';
import { MACHINE } from '../model/clock.js';
import type { Clock } from '../model/clock.js';
import type { ApiIdentity, ApiToken } from './api.options.js';

/** How many wrong tokens an address may send before it has to wait. */
const FREE_ATTEMPTS = 5;

/** How long it waits then: twice as long for each further one. In milliseconds. */
const WAIT = { firstMs: 1_000, longestMs: 60_000 };

/** After how long without a wrong token all is forgotten, in milliseconds. */
const FORGET_MS = 600_000;

/** How many addresses are remembered; of more, the one whose last wrong token is the longest ago is forgotten. */
const MOST_ADDRESSES = 10_000;

/** No header is longer in practice; what is longer is no token. */
const LONGEST_TOKEN = 1_000;

interface Attempts {
  readonly count: number;
  readonly at: number;
}

/** Knows callers by their tokens, and slows down addresses that guess. */
export class TokenCheck {
  readonly #known: readonly { readonly hash: Buffer; readonly identity: ApiIdentity }[];
  readonly #wrong = new Map<string, Attempts>();

  constructor(
    tokens: readonly ApiToken[],
    private readonly clock: Clock = MACHINE,
  ) {
    this.#known = tokens.map(({ token, sha256, role, actor }) => ({
      hash: sha256 === undefined ? hashOf(token!) : Buffer.from(sha256, 'hex'),
      identity: { role, actor },
    }));
  }

  /**
   * @param address Of the caller.
   * @throws UnauthorizedError, TooManyAttemptsError (whatever the token is: else guessing would go on)
   */
  identify(authorization: string | undefined, address: string): ApiIdentity {
    if (authorization === undefined) throw new UnauthorizedError();
    const from = groupOf(address);
    this.#refuseGuessing(from);
    const [, token] = /^Bearer +(\S+)$/i.exec(authorization.slice(0, LONGEST_TOKEN)) ?? [];
    const hash = hashOf(token ?? '');
    let found: ApiIdentity | null = null;
    // All of them, so that the time says nothing about which one fits.
    for (const known of this.#known) if (timingSafeEqual(known.hash, hash)) found = known.identity;
    if (found && token !== undefined) return found;
    this.#remember(from);
    throw new UnauthorizedError();
  }

  #refuseGuessing(from: string): void {
    const attempts = this.#wrong.get(from);
    if (!attempts || attempts.count < FREE_ATTEMPTS) return;
    const waitMs = Math.min(WAIT.firstMs * 2 ** Math.min(attempts.count - FREE_ATTEMPTS, 20), WAIT.longestMs);
    const leftMs = attempts.at + waitMs - this.clock.monotonic();
    if (leftMs > 0) throw new TooManyAttemptsError(Math.ceil(leftMs));
  }

  #remember(from: string): void {
    const at = this.clock.monotonic();
    const before = this.#wrong.get(from);
    const count = before && at - before.at < FORGET_MS ? before.count + 1 : 1;
    // The last one of the map is the one that was set last.
    this.#wrong.delete(from);
    this.#wrong.set(from, { count, at });
    if (this.#wrong.size > MOST_ADDRESSES) this.#wrong.delete(this.#wrong.keys().next().value!);
  }
}

/** Who has one IPv6 address has all of its network. */
function groupOf(address: string): string {
  return address.includes(':') && !address.includes('.') ? address.split(':').slice(0, 4).join(':') : address;
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
