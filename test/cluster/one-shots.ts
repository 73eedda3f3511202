import type { RateLimitOptions, Scheduler, TaskOptions } from 'nestjs-asyncz';

export interface OneShots {
  /** The ids of those with delivery at-least-once. */
  readonly least: readonly string[];
  /** The ids of those with delivery at-most-once. */
  readonly most: readonly string[];
}

export interface OneShotPlan {
  readonly count: number;
  /** In how many milliseconds they come due; 0 for all at once. */
  readonly overMs: number;
  /** How long their runs take, in milliseconds; by their place when it is a function. @default 0 */
  readonly workMs?: number | ((at: number) => number);
  /** @default 'work' */
  readonly handler?: string;
  /** @default null */
  readonly group?: string;
  readonly groupLimit?: number;
  /** @default null */
  readonly rateLimit?: RateLimitOptions;
  /** The keys that they have in turn, behind their first argument. @default none */
  readonly keys?: readonly string[];
  readonly keyLimit?: number;
  /** After how many lost attempts in a row they are dead. @default 3 */
  readonly maxLost?: number;
}

const BATCH = 50;

/**
 * Adds one-shot tasks, every other one with delivery at-most-once, that come due one after the other over a time.
 *
 * @param prefix Begins their ids, so that several of these can be told apart.
 */
export async function addOneShots(
  client: Scheduler,
  prefix: string,
  { count, overMs, workMs = 0, handler = 'work', keys, ...policies }: OneShotPlan,
): Promise<OneShots> {
  const now = Date.now();
  const ids = Array.from({ length: count }, (_, at) => `${prefix}-${at % 2 ? 'most' : 'least'}-${at}`);
  const isMost = (_: string, at: number) => at % 2 === 1;
  for (let first = 0; first < count; first += BATCH) {
    await Promise.all(
      ids.slice(first, first + BATCH).map((id, at) =>
        client.addTask({
          id,
          handler,
          ...policies,
          args: [
            typeof workMs === 'number' ? workMs : workMs(first + at),
            ...(keys ? [keys[(first + at) % keys.length]!] : []),
          ],
          ...(keys && { limitKey: 'args.1' }),
          delivery: isMost(id, first + at) ? 'at-most-once' : 'at-least-once',
          trigger: { type: 'date', runAt: now + ((first + at) / count) * overMs },
        } satisfies TaskOptions),
      ),
    );
  }
  return { least: ids.filter((id, at) => !isMost(id, at)), most: ids.filter(isMost) };
}

/** All of several. */
export function together(...parts: readonly OneShots[]): OneShots {
  return { least: parts.flatMap(({ least }) => least), most: parts.flatMap(({ most }) => most) };
}
