import type { ExpectPolicy } from './expect.js';
import type { RatePolicy } from './rate.js';
import type { RetryPolicy } from './retry.js';

/** One of several words. */
export interface ChoiceKind<Word extends string = string> {
  readonly is: 'choice';
  readonly of: readonly Word[];
  /** The words that `true` and `false` stand for, where the option also takes a boolean. */
  readonly flags?: { readonly true: Word; readonly false: Word };
}

/** A text of 1 to `maxLength` characters, without NUL, in well-formed Unicode. */
interface TextKind {
  readonly is: 'text';
  readonly maxLength: number;
}

/** A whole number from 1. */
export interface CountKind {
  readonly is: 'count';
  /** The largest one; without it there is no limit. */
  readonly max?: number;
}

/** A whole number of 32 bits: what an integer column of every database holds. */
interface IntegerKind {
  readonly is: 'integer';
}

/** Written as a `Duration`, stored as milliseconds. */
interface DurationKind {
  readonly is: 'duration';
  /** The smallest length, in milliseconds. */
  readonly min: number;
}

/** `true` or `false`. */
interface FlagKind {
  readonly is: 'flag';
}

/** Written as `RetryOptions` or a number of attempts, stored as a {@link RetryPolicy}. */
interface RetryKind {
  readonly is: 'retry';
}

/** Written as `RateLimitOptions`, stored as a {@link RatePolicy}. */
interface RateKind {
  readonly is: 'rate';
}

/** Written as `ExpectOptions`, stored as an {@link ExpectPolicy}. */
interface ExpectKind {
  readonly is: 'expect';
}

/**
 * Which values a policy takes. How an option is read (`lib/scheduler/tasks/policy.reader.ts`) and how a stored value is
 * checked (`lib/persistence/policy.schema.ts`) follow from the kind, so a new policy of a known kind needs neither.
 */
export type PolicyKind =
  ChoiceKind | TextKind | CountKind | IntegerKind | FlagKind | DurationKind | RetryKind | RateKind | ExpectKind;

type KindOf<Stored> = [Stored] extends [boolean]
  ? FlagKind
  : [Stored] extends [number]
    ? CountKind | IntegerKind | DurationKind
    : [Stored] extends [RetryPolicy]
      ? RetryKind
      : [Stored] extends [RatePolicy]
        ? RateKind
        : [Stored] extends [ExpectPolicy]
          ? ExpectKind
          : [Stored] extends [string]
            ? ChoiceKind<Stored> | TextKind
            : never;

/** One policy of a task, whose stored value is a `Stored`. */
export interface Policy<Stored, Option extends string = string> {
  /** What the option is called that users write. */
  readonly option: Option;
  readonly kind: KindOf<NonNullable<Stored>>;
  /** Whether null is a value of it: no limit, none, never. */
  readonly nullable: null extends Stored ? true : false;
  /** What holds where nobody says anything. */
  readonly fallback: Stored;
}
