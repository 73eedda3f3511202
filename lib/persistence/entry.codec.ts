import { createHash } from 'node:crypto';
import type { JournalEntry } from '../model/journal.js';
import type { JournalRow } from './codec.interface.js';
import { noteClear, writerOf } from './codec.settings.js';
import type { CodecSettings } from './codec.settings.js';
import { isEncrypted, openEnvelope, sealEnvelope } from './envelope.js';
import type { RecordAddress } from './envelope.js';
import { asEntryBody } from './record.schema.js';
import { refuseLarge } from './record.size.js';
import { toFault } from './unreadable.fault.js';

/** How many characters of a digest tell actors apart: 132 bits. */
const LABEL_LENGTH = 22;

/** Between entries of the journal and rows of plain columns. What people have said is in one of them, encrypted where a key writes. */
export class EntryCodec {
  readonly #settings: CodecSettings;

  constructor(settings: CodecSettings) {
    this.#settings = settings;
  }

  encode(entry: JournalEntry): JournalRow {
    const { id, time, kind, taskId, scheduler, actor, reason, changes, details } = entry;
    const key = writerOf(this.#settings);
    const body = JSON.stringify({ actor, reason, changes, details });
    return {
      id,
      time,
      kind,
      taskId,
      scheduler,
      actor: actor === null ? null : (key?.labelOf(actor) ?? clearLabel(actor)),
      body: sealEnvelope(this.#address(entry), this.#settings.serializer.name, body, key),
    };
  }

  /** Never throws: what cannot be read is said by the entry. */
  decode(row: JournalRow): JournalEntry {
    const { id, time, kind, taskId, scheduler } = row;
    const head = { id, time, kind, taskId, scheduler };
    try {
      refuseLarge(row.oversize, [row.body], this.#settings.maxRecordBytes);
      const { payload, codec } = openEnvelope(this.#address(row), row.body, this.#settings);
      if (!isEncrypted(codec)) noteClear(this.#settings);
      const { actor, reason, changes, details } = asEntryBody(payload);
      return { ...head, actor, reason, ...(changes && { changes }), ...(details && { details }) };
    } catch (error) {
      const { reason, message } = toFault(error);
      return { ...head, actor: null, reason: null, unreadable: { reason, message } };
    }
  }

  /** What an actor may stand as in {@link JournalRow.actor}: under each of the keys, and in clear. */
  labelsOf(actor: string): readonly string[] {
    const { keyRing } = this.#settings;
    const underKeys = keyRing?.ids().flatMap((id) => keyRing.find(id)?.labelOf(actor) ?? []) ?? [];
    return [...underKeys, clearLabel(actor)];
  }

  /** With what is in clear, so that nobody moves it to another entry. */
  #address({ id, time, kind, taskId, scheduler }: Omit<JournalRow, 'actor' | 'body'>): RecordAddress {
    const key = [id, time, kind, taskId === null ? 0 : 1, taskId ?? '', scheduler];
    return { namespace: this.#settings.namespace, entity: 'journal', key };
  }
}

/** A digest, so that every database compares it alike: it is as long for every text, and has no odd characters. */
function clearLabel(actor: string): string {
  return createHash('sha256').update(actor).digest('base64url').slice(0, LABEL_LENGTH);
}
