import { isDeepStrictEqual } from 'node:util';
import type { HandlerInputSchema, JsonSchema } from '../../model/json.schema.js';
import type { SchedulerInstance } from '../../model/scheduler-instance.js';
import type { StoreHandle } from '../tasks/store.handle.js';
import { readInputs } from './input.record.js';
import { isAlive } from './membership.js';

/**
 * What a handler takes, as some schedulers that have it say.
 *
 * @publicApi
 */
export interface HandlerVariant extends HandlerInputSchema {
  /** The identities of those schedulers, the one that started last first. */
  readonly schedulers: readonly string[];
}

/**
 * A handler that tasks can have: who has it, and what it takes.
 *
 * @publicApi
 */
export interface HandlerInfo {
  readonly name: string;
  /** The identities of the live schedulers that have it, the one that started last first. */
  readonly schedulers: readonly string[];
  /** The version of what it takes, from 1. While a deploy goes on it is that of the scheduler that started last. */
  readonly schemaVersion: number;
  /**
   * What the `data` of its tasks is, or their list of `args`. null where it takes whatever it gets, or what it takes cannot be said in JSON
   * Schema. While a deploy goes on it is that of the scheduler that started last.
   */
  readonly schema: JsonSchema | null;
  /** The different things that those say who have it: more than one while a deploy goes on. */
  readonly variants: readonly HandlerVariant[];
}

/** What a handler takes of which nothing more is told. */
const ANYTHING: HandlerInputSchema = { schemaVersion: 1, schema: null };

interface Found {
  readonly schedulers: Set<string>;
  readonly variants: { readonly input: HandlerInputSchema; readonly schedulers: string[] }[];
}

/**
 * The handlers of the live schedulers that share the open ones of these stores, by name.
 *
 * @param self The identity of the scheduler that asks: it is alive.
 */
export async function findHandlers(
  handles: readonly StoreHandle[],
  self: string,
  heartbeatMs: number,
): Promise<readonly HandlerInfo[]> {
  const found = new Map<string, Found>();
  for (const { opened, store } of handles) {
    if (!opened) continue;
    const now = await store.now();
    const alive = (await store.schedulers()).filter(
      (one) => one.role === 'worker' && (one.identity === self || isAlive(one, now, heartbeatMs)),
    );
    const sets = alive.some(({ inputs }) => inputs !== null) ? await readInputs(store) : null;
    for (const instance of alive.toSorted((a, b) => b.startedAt - a.startedAt)) {
      const inputs = instance.inputs === null ? undefined : sets?.get(instance.inputs);
      for (const handler of instance.handlers) addTo(found, handler, inputs?.get(handler) ?? ANYTHING, instance);
    }
  }
  return Array.from(found, toHandlerInfo).sort((a, b) => (a.name < b.name ? -1 : 1));
}

function addTo(found: Map<string, Found>, handler: string, input: HandlerInputSchema, one: SchedulerInstance): void {
  const { identity } = one;
  let known = found.get(handler);
  if (!known) found.set(handler, (known = { schedulers: new Set(), variants: [] }));
  // It may share several stores.
  if (known.schedulers.has(identity)) return;
  known.schedulers.add(identity);
  const same = known.variants.find((variant) => isDeepStrictEqual(variant.input, input));
  if (same) same.schedulers.push(identity);
  else known.variants.push({ input, schedulers: [identity] });
}

function toHandlerInfo([name, { schedulers, variants }]: [string, Found]): HandlerInfo {
  const told = variants.map(({ input, schedulers: of }) => ({ ...input, schedulers: of }));
  const { schemaVersion, schema } = told[0]!;
  return { name, schedulers: [...schedulers], schemaVersion, schema, variants: told };
}
