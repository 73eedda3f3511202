import type { mongo } from 'mongoose';
import { journalIdAt } from '../../model/journal.id.js';
import type {
  JournalEntry,
  JournalPageRequest,
  PruneJournalOptions,
  StoredJournalFilter,
  StoredJournalPage,
} from '../../model/journal.js';
import type { TaskCodec } from '../../persistence/codec.interface.js';
import { parseJournalCursor } from '../journal.query.js';
import type { JournalDocument } from './mongoose.documents.js';
import { saveDocuments } from './mongoose.saving.js';

/** How many entries one command removes. */
const BATCH = 1_000;

/** The earliest, and the latest first. Ids begin with the time. */
const EARLIEST = { _id: 1 } as const;
const LATEST = { _id: -1 } as const;

const ONLY_ID = { _id: 1 } as const;

/** The collection of the journal. */
export class MongooseJournal {
  constructor(
    private readonly entries: mongo.Collection<JournalDocument>,
    private readonly codec: TaskCodec,
  ) {}

  /** See `Store.appendJournal`. */
  async append(entries: readonly JournalEntry[]): Promise<void> {
    const documents = entries.map((entry) => {
      const { id, ...row } = this.codec.encodeEntry(entry);
      return { _id: id, ...row };
    });
    await saveDocuments(this.entries, documents);
  }

  /** @throws InvalidOptionError For a cursor that is not from an earlier page. */
  async query(filter: StoredJournalFilter, { limit, cursor }: JournalPageRequest): Promise<StoredJournalPage> {
    const conditions = this.#conditions(filter);
    if (cursor !== undefined) conditions.push({ _id: { $lt: parseJournalCursor(cursor) } });
    const found = await this.entries
      .find(conditions.length > 0 ? { $and: conditions } : {})
      .sort(LATEST)
      .limit(limit + 1)
      .toArray();
    const entries = found.slice(0, limit).map(({ _id, ...row }) => this.codec.decodeEntry({ id: _id, ...row }));
    return { entries, next: found.length > limit ? (entries.at(-1)?.id ?? null) : null };
  }

  /** See `Store.pruneJournal`. The oldest go first, so that a pruning that is cut short leaves the newer ones. */
  async prune({ before, keep, limit }: PruneJournalOptions): Promise<number> {
    const outdated: mongo.Filter<JournalDocument>[] = [];
    if (before !== null) outdated.push({ _id: { $lt: journalIdAt(before) }, time: { $lt: before } });
    if (keep !== null) {
      const [first] = await this.entries.find({}, { projection: ONLY_ID }).sort(LATEST).skip(keep).limit(1).toArray();
      if (first) outdated.push({ _id: { $lte: first._id } });
    }
    if (outdated.length === 0) return 0;
    let removed = 0;
    for (let left = limit; left > 0;) {
      const size = Math.min(BATCH, left);
      const found = await this.entries
        .find({ $or: outdated }, { projection: ONLY_ID })
        .sort(EARLIEST)
        .limit(size)
        .toArray();
      if (found.length === 0) break;
      const { deletedCount } = await this.entries.deleteMany({ _id: { $in: found.map(({ _id }) => _id) } });
      removed += deletedCount;
      if (found.length < size) break;
      left -= found.length;
    }
    return removed;
  }

  /** The range of ids lets an index find a time. */
  #conditions({ taskId, kinds, actor, scheduler, from, to }: StoredJournalFilter): mongo.Filter<JournalDocument>[] {
    const conditions: mongo.Filter<JournalDocument>[] = [];
    if (taskId !== undefined) conditions.push({ taskId });
    if (kinds !== undefined) conditions.push({ kind: { $in: [...kinds] } });
    if (actor !== undefined) conditions.push({ actor: { $in: [...this.codec.actorLabels(actor)] } });
    if (scheduler !== undefined) conditions.push({ scheduler });
    if (from !== undefined) conditions.push({ _id: { $gte: journalIdAt(from) }, time: { $gte: from } });
    if (to !== undefined) conditions.push({ _id: { $lt: journalIdAt(to) }, time: { $lt: to } });
    return conditions;
  }
}
