import { show } from '../errors/asyncz.error.js';
import { UnreadableFault } from './unreadable.fault.js';
import { isJsonObject, parseJsonObject } from './json-text.js';
import type { JsonObject } from './json-text.js';
import type { KeyRing } from './key-ring.js';
import { ALGORITHM } from './record-key.js';
import type { RecordKey } from './record-key.js';

/** The version that is written. */
export const FORMAT_VERSION = 1;

/** What stands in {@link codecName} for the key of a record in clear. */
export const NO_KEY = '-';

export type Entity = 'task' | 'run' | 'state' | 'journal';

/** Which record it is. A payload that is moved to another one cannot be decrypted there. */
export interface RecordAddress {
  readonly namespace: string;
  readonly entity: Entity;
  /** The id of a task; of a run those of task and run, and its attempt and token; of an entry of the journal all that it has in clear. */
  readonly key: readonly (string | number)[];
}

/** With what envelopes are opened. */
export interface OpenSettings {
  readonly serializers: { readonly find: (name: string) => unknown };
  readonly keyRing: KeyRing | null;
  /** Whether one in clear is refused. */
  readonly required: boolean;
}

/** An envelope that was opened. */
export interface Opened {
  readonly serializer: string;
  /** What `TaskRow.codec` says of a record that is written so. */
  readonly codec: string;
  /** As the current version has it. */
  readonly payload: JsonObject;
}

type Upgrade = (payload: JsonObject) => JsonObject;

/** How a payload becomes one of the next version: the first makes version 2 of version 1, and so on. */
const UPGRADES: Readonly<Record<Entity, readonly Upgrade[]>> = { task: [], run: [], state: [], journal: [] };

const ENVELOPE_MEMBERS: readonly string[] = ['entity', 'version', 'serializer', 'encryption', 'payload'];
const ENCRYPTION_MEMBERS: readonly string[] = ['algorithm', 'key', 'nonce'];

/** A value of `TaskRow.codec`. */
export function codecName(serializer: string, key: string): string {
  return `${FORMAT_VERSION}:${serializer}:${key}`;
}

/** Whether a record is encrypted, by its `TaskRow.codec` column alone. */
export function isEncrypted(codec: string): boolean {
  return !codec.endsWith(`:${NO_KEY}`);
}

/**
 * Makes the text that is stored.
 *
 * @param payload JSON text of an object.
 * @param key Encrypts it; null leaves it in clear.
 */
export function sealEnvelope(
  address: RecordAddress,
  serializer: string,
  payload: string,
  key: RecordKey | null,
): string {
  const head = `{"entity":"${address.entity}","version":${FORMAT_VERSION},"serializer":"${serializer}"`;
  if (!key) return `${head},"payload":${payload}}`;
  const { nonce, ciphertext } = key.encrypt(payload, associatedData(address, FORMAT_VERSION, serializer, key.id));
  return `${head},"encryption":{"algorithm":"${ALGORITHM}","key":"${key.id}","nonce":"${nonce}"},"payload":"${ciphertext}"}`;
}

/**
 * Reads what {@link sealEnvelope} made.
 *
 * @throws UnreadableFault
 */
export function openEnvelope(
  address: RecordAddress,
  text: string,
  { serializers, keyRing, required }: OpenSettings,
): Opened {
  const envelope = parseJsonObject(text, 'envelope');
  const { entity, version, serializer } = envelope;
  if (entity !== address.entity) throw new UnreadableFault('damaged', `The record is not that of a ${address.entity}.`);
  if (!Number.isSafeInteger(version) || typeof serializer !== 'string') {
    throw new UnreadableFault('damaged', "The envelope's version or serializer is not what it has to be.");
  }
  const upgrades = upgradesFrom(address.entity, version as number);
  refuseOthers(envelope, ENVELOPE_MEMBERS);
  if (serializers.find(serializer) === undefined) {
    throw new UnreadableFault('unknown-serializer', `No serializer ${show(serializer)} is registered here.`);
  }
  if (required && envelope.encryption === undefined) {
    throw new UnreadableFault('in-clear', 'The record is in clear, and encryption.required says that none may be.');
  }
  let payload = openPayload(address, envelope, keyRing);
  for (const upgrade of upgrades) payload = upgrade(payload);
  const { encryption } = envelope;
  const codec = `${version as number}:${serializer}:${isJsonObject(encryption) ? String(encryption.key) : NO_KEY}`;
  return { serializer, codec, payload };
}

/** The id of the key that a record was written under; null for one in clear, undefined for one that cannot be told. */
export function keyOf(text: string): string | null | undefined {
  try {
    const { encryption } = parseJsonObject(text, 'envelope');
    if (encryption === undefined) return null;
    return isJsonObject(encryption) && typeof encryption.key === 'string' ? encryption.key : undefined;
  } catch {
    return undefined;
  }
}

function upgradesFrom(entity: Entity, version: number): readonly Upgrade[] {
  if (version < 1 || version > FORMAT_VERSION) {
    throw new UnreadableFault(
      'unknown-version',
      `The record has the format version ${version}, and this release reads 1 to ${FORMAT_VERSION}.`,
    );
  }
  return UPGRADES[entity].slice(version - 1);
}

/** A version has the members that it has. Others were not written here, and the cipher would not notice them. */
function refuseOthers(object: JsonObject, members: readonly string[]): void {
  for (const key of Object.keys(object)) {
    if (!members.includes(key)) throw new UnreadableFault('damaged', `The envelope has a member ${show(key)}.`);
  }
}

function openPayload(address: RecordAddress, envelope: JsonObject, keyRing: KeyRing | null): JsonObject {
  const { encryption, payload } = envelope;
  if (encryption === undefined) {
    if (!isJsonObject(payload)) throw new UnreadableFault('damaged', 'The envelope has no payload.');
    return payload;
  }
  return parseJsonObject(decryptPayload(address, envelope, keyRing), 'payload');
}

function decryptPayload(address: RecordAddress, envelope: JsonObject, keyRing: KeyRing | null): string {
  const { encryption, payload, version, serializer } = envelope;
  if (!isJsonObject(encryption) || typeof payload !== 'string') {
    throw new UnreadableFault('damaged', 'The encrypted envelope is not what it has to be.');
  }
  refuseOthers(encryption, ENCRYPTION_MEMBERS);
  const { algorithm, key: id, nonce } = encryption;
  if (algorithm !== ALGORITHM || typeof id !== 'string' || typeof nonce !== 'string') {
    throw new UnreadableFault('damaged', "The envelope's encryption header is not what it has to be.");
  }
  const key = keyRing?.find(id);
  if (!key) {
    const known = keyRing ? `the keys here are ${keyRing.ids().join(', ')}` : 'no key is configured here';
    throw new UnreadableFault('wrong-key', `The record is encrypted under the key ${show(id)}; ${known}.`);
  }
  try {
    const associated = associatedData(address, version as number, serializer as string, id);
    return key.decrypt({ nonce, ciphertext: payload }, associated);
  } catch {
    throw new UnreadableFault(
      'damaged',
      'The record does not decrypt: it was changed, or moved here from another record or scheduler name.',
    );
  }
}

/** A JSON array, so that no two different records have the same: names may hold any separator. */
function associatedData(
  { namespace, entity, key }: RecordAddress,
  version: number,
  serializer: string,
  id: string,
): string {
  return JSON.stringify([namespace, entity, key, version, serializer, ALGORITHM, id]);
}
