import { createHash } from 'node:crypto';
import { isArray, isObject } from '../../errors/foreign.js';
import { INTERNAL_PREFIX } from '../../model/definition.js';
import type { HandlerInputSchema, JsonSchema } from '../../model/json.schema.js';
import { isUnreadable } from '../../model/task.js';
import type { StoredTask } from '../../model/task.js';
import { changeInternal, withArgs } from '../../stores/internal.record.js';
import type { Store } from '../../stores/store.interface.js';

/** The record with what the handlers of the schedulers take. */
const INPUTS_ID = `${INTERNAL_PREFIX}inputs`;

/** How many sets the record holds at the most, and how many characters of JSON Schema: of all of them, and of one. */
const MAX_SETS = 16;
const MAX_LENGTH = 2_000_000;
const MAX_SET_LENGTH = 500_000;

/** What the handlers of one scheduler take. Schedulers with the same code have the same set. */
export interface InputSet {
  /** Names it in heartbeats. */
  readonly digest: string;
  /** How many characters it takes as JSON. */
  readonly length: number;
  readonly inputs: readonly (readonly [handler: string, schemaVersion: number, schema: JsonSchema | null])[];
}

/** The set of these handlers; null for none. Schemas for which there is no room are left out: nobody checks by them. */
export function inputSetOf(inputs: ReadonlyMap<string, HandlerInputSchema>): InputSet | null {
  if (inputs.size === 0) return null;
  let length = 0;
  const told = Array.from(inputs, ([handler, { schemaVersion, schema }]) => {
    const added = schema === null ? 0 : JSON.stringify(schema).length;
    if (length + added > MAX_SET_LENGTH) return [handler, schemaVersion, null] as const;
    length += added;
    return [handler, schemaVersion, schema] as const;
  });
  const digest = createHash('sha256').update(JSON.stringify(told)).digest('base64url').slice(0, 16);
  return { digest, length, inputs: told };
}

/** Writes a set beside those that are there. Where it is among the newer ones it is only read. */
export async function writeInputs(
  store: Pick<Store, 'transact' | 'addTasks' | 'deleteTask'>,
  set: InputSet,
): Promise<void> {
  const records = { ids: [INPUTS_ID], name: 'what the handlers of the schedulers take', replaceUnreadable: true };
  const { failed } = await changeInternal(store, records, (record) => {
    const sets = setsIn(record);
    const at = sets.findIndex(({ digest }) => digest === set.digest);
    // One of the oldest would soon be gone.
    if (at >= sets.length - MAX_SETS / 2 && at >= 0) return null;
    return withArgs(record, newest([...sets.filter(({ digest }) => digest !== set.digest), set]));
  });
  if (failed[0]) throw failed[0].error;
}

/** What the handlers of these sets take, by the digests of the sets. */
export async function readInputs(
  store: Pick<Store, 'lookupTask'>,
): Promise<ReadonlyMap<string, ReadonlyMap<string, HandlerInputSchema>>> {
  const record = await store.lookupTask(INPUTS_ID);
  return new Map(
    setsIn(record).map(({ digest, inputs }) => [
      digest,
      new Map(inputs.map(([handler, schemaVersion, schema]) => [handler, { schemaVersion, schema }])),
    ]),
  );
}

function newest(sets: readonly InputSet[]): readonly InputSet[] {
  let length = 0;
  const kept = sets.slice(-MAX_SETS).toReversed();
  return kept.filter((set) => (length += set.length) <= MAX_LENGTH).toReversed();
}

function setsIn(record: StoredTask | null): readonly InputSet[] {
  return record === null || isUnreadable(record) ? [] : record.definition.args.filter(isSet);
}

/** Another release may have written something else. */
function isSet(value: unknown): value is InputSet {
  if (!isObject(value)) return false;
  const { digest, length, inputs } = value as Partial<InputSet>;
  return typeof digest === 'string' && typeof length === 'number' && isArray(inputs) && inputs.every(isInput);
}

function isInput(value: unknown): boolean {
  if (!isArray(value)) return false;
  const [handler, schemaVersion, schema] = value;
  return typeof handler === 'string' && typeof schemaVersion === 'number' && (schema === null || isObject(schema));
}
