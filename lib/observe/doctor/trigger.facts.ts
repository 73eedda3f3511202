import { messageOf } from '../../errors/thrown.js';
import type { TriggerData } from '../../model/definition.js';
import { checkedOccurrence } from '../../scheduler/plan/occurrence.check.js';
import { TimeZone } from '../../time/time-zone.js';
import type { BaseTrigger } from '../../triggers/base.trigger.js';
import type { TriggerCache } from '../../triggers/trigger.cache.js';
import type { TriggerSeed } from '../../triggers/trigger.interface.js';
import type { TriggerFacts } from './facts.js';

/** How many of the next times are looked at. */
const TIMES = 5;

/** How far ahead changes of clocks are looked for, in milliseconds: a year, and a little more. */
const AHEAD_MS = 370 * 86_400_000;

/** How far from a change of clocks a time may be that it touches, in milliseconds: clocks change by three hours at the most. */
const AROUND_MS = 4 * 3_600_000;

/**
 * What comes every hour or more often comes in the hours of a change as in all others; only the times of rarer ones are somebody's
 * choice.
 */
const RARE_MS = 3_600_001;

/** How many changes and times around one are looked at. */
const MAX_CHANGES = 8;
const MAX_TIMES = 20;

const NOTHING = { impossible: null, advance: null, ends: false, next: [], gapMs: null, touched: [], zones: [] };

/** Asks triggers what they come to, each kind once, with turns for others in between. */
export class TriggerExaminer {
  readonly #known = new Map<string, TriggerFacts>();

  /** @param now Milliseconds since the epoch. */
  constructor(
    private readonly triggers: TriggerCache,
    private readonly now: number,
  ) {}

  async examine(data: TriggerData, taskId: string): Promise<TriggerFacts> {
    const text = JSON.stringify(data);
    // What stands for a value of the task's own differs from task to task.
    const key = /\bH\b/.test(text) ? `${taskId}\n${text}` : text;
    let facts = this.#known.get(key);
    if (!facts) {
      facts = await this.#examine(data, { taskId });
      this.#known.set(key, facts);
    }
    return facts;
  }

  async #examine(data: TriggerData, seed: TriggerSeed): Promise<TriggerFacts> {
    try {
      const trigger = this.triggers.get(data);
      const { advance, maxRuns } = trigger;
      const facts = { ...NOTHING, fault: null, advance, ends: endsByItself(data) || maxRuns !== null };
      if (advance !== 'schedule') return facts;
      const impossible = trigger.impossible();
      if (impossible !== null) return { ...facts, impossible };
      const next = await this.#next(trigger, seed);
      const gaps = next.slice(1).map((time, at) => time - next[at]!);
      const gapMs = gaps.length === 0 ? null : Math.min(...gaps);
      const zones = zonesOf(data);
      const isRare = gapMs === null || gapMs >= RARE_MS;
      const touched = isRare ? await this.#touched(trigger, data, zones, seed) : [];
      return { ...facts, next, gapMs, touched, zones };
    } catch (error) {
      return { ...NOTHING, fault: messageOf(error) };
    }
  }

  async #next(trigger: BaseTrigger, seed: TriggerSeed): Promise<number[]> {
    const next: number[] = [];
    let previous: number | null = null;
    while (next.length < TIMES) {
      // Each is bounded, many of them are not.
      await new Promise(setImmediate);
      const found = checkedOccurrence(trigger.nextOccurrence(previous, this.now, seed), previous ?? undefined);
      if (found === null) break;
      previous = found.scheduledTime;
      next.push(previous);
    }
    return next;
  }

  async #touched(
    trigger: BaseTrigger,
    data: TriggerData,
    zones: readonly string[],
    seed: TriggerSeed,
  ): Promise<TriggerFacts['touched']> {
    const touched: { at: number; dst: 'gap' | 'overlap' | 'skipped' }[] = [];
    const shifted = this.#withoutSkips(data);
    for (const change of zones.flatMap((zone) => changesOf(zone, this.now)).slice(0, MAX_CHANGES)) {
      for (const { at, dst } of await marked(trigger, change, seed)) touched.push({ at, dst });
      if (shifted === null) continue;
      for (const { at, dst } of await marked(shifted, change, seed))
        if (dst === 'gap') touched.push({ at, dst: 'skipped' });
    }
    return touched.sort((a, b) => a.at - b.at);
  }

  /** The same trigger as it is without the rule that skips what falls into a gap, whose times it does not mark; null without it. */
  #withoutSkips(data: TriggerData): BaseTrigger | null {
    const dst = data.dst as { gap?: unknown } | undefined;
    return dst?.gap === 'skip' ? this.triggers.get({ ...data, dst: { ...dst, gap: 'shift' } }) : null;
  }
}

/** The times around a change of clocks that it touches. */
async function marked(trigger: BaseTrigger, change: number, seed: TriggerSeed) {
  const found: { at: number; dst: 'gap' | 'overlap' }[] = [];
  let next = trigger.nextOccurrence(null, change - AROUND_MS, seed);
  for (let looked = 0; next !== null && looked < MAX_TIMES; looked += 1) {
    if (next.scheduledTime > change + AROUND_MS) break;
    if (next.dst !== undefined) found.push({ at: next.scheduledTime, dst: next.dst });
    await new Promise(setImmediate);
    next = trigger.nextOccurrence(next.scheduledTime, next.scheduledTime, seed);
  }
  return found;
}

/** When the clocks of a zone change in the next year. */
function changesOf(name: string, now: number): number[] {
  const zone = TimeZone.get(name);
  const changes: number[] = [];
  for (let { end } = zone.segmentAt(now); end <= now + AHEAD_MS; { end } = zone.segmentAt(end)) changes.push(end);
  return changes;
}

/** The zones of the wall-clock times of a trigger, and of those that it is made of. */
export function zonesOf(data: TriggerData): readonly string[] {
  const zones = new Set<string>();
  const look = (one: unknown) => {
    if (typeof one !== 'object' || one === null) return;
    const { type, timezone, triggers } = one as TriggerData;
    // These count elapsed time.
    if (typeof timezone === 'string' && type !== 'interval' && type !== 'date' && !Array.isArray(triggers))
      zones.add(timezone);
    if (Array.isArray(triggers)) for (const child of triggers as unknown[]) look(child);
  };
  look(data);
  return [...zones];
}

/** Whether its data say that it comes to an end: a date, an end, a rule with a count. */
function endsByItself(data: TriggerData): boolean {
  if (data.type === 'date' || (data.endAt !== undefined && data.endAt !== null)) return true;
  if (Array.isArray(data.triggers)) return (data.triggers as TriggerData[]).some(endsByItself);
  return data.type === 'rrule' && /COUNT=|UNTIL=/i.test(JSON.stringify(data));
}
