import type {
  JournalEntry,
  JournalPageRequest,
  PruneJournalOptions,
  StoredJournalFilter,
  StoredJournalPage,
} from '../../model/journal.js';
import type { JournalRow, TaskCodec } from '../../persistence/codec.interface.js';
import { parseJournalCursor, queryJournal } from '../journal.query.js';
import type { EntryText } from './redis.entries.js';
import type { RedisScripts } from './redis.scripts.js';

/** How many entries one script reads or removes at the most. */
const BATCH = 500;

/** Behind all ids. */
const LAST = '(~';

/** The largest time that an id can have, in milliseconds since the epoch. */
const MAX_TIME = 2 ** 48 - 1;

/** The journal: its entries by id, an index of the ids, which grow with time, and one by task and id. */
export class RedisJournal {
  constructor(
    private readonly scripts: RedisScripts,
    private readonly codec: TaskCodec,
  ) {}

  /** Entries as they are written; undefined for none. */
  textsOf(entries: readonly JournalEntry[] | undefined): readonly EntryText[] | undefined {
    return entries?.length ? entries.map((entry) => entryText(this.codec.encodeEntry(entry))) : undefined;
  }

  /** See `Store.appendJournal`. */
  async append(entries: readonly JournalEntry[]): Promise<void> {
    const { outcomes } = await this.scripts.write(
      entries.map((entry) => ({ what: 'runs', id: '', runs: [], journal: [entryText(this.codec.encodeEntry(entry))] })),
    );
    for (const outcome of outcomes) if (outcome instanceof Error) throw outcome;
  }

  /**
   * Task and time are found by an index; the other conditions are looked for along it.
   *
   * @throws InvalidOptionError For a cursor that is not from an earlier page.
   */
  async query(filter: StoredJournalFilter, { limit, cursor }: JournalPageRequest): Promise<StoredJournalPage> {
    const task = filter.taskId === undefined ? '' : `=${filter.taskId}`;
    const min = filter.from === undefined ? '[' : `[${beginningAt(filter.from)}`;
    let max = filter.to === undefined ? LAST : `(${beginningAt(filter.to)}`;
    if (cursor !== undefined && max > `(${parseJournalCursor(cursor)}`) max = `(${cursor}`;
    const isIndexed = [filter.kinds, filter.actor, filter.scheduler].every((condition) => condition === undefined);
    const rows: JournalRow[] = [];
    for (;;) {
      const wanted = limit + 1 - rows.length;
      const count = isIndexed ? Math.min(BATCH, wanted) : BATCH;
      const [ids, texts] = await this.scripts.journalPage(task, min, max, count);
      const found = ids.flatMap((id, at) => rowOf(id, texts[at] ?? null) ?? []);
      rows.push(...queryJournal(found, filter, { limit: wanted }, this.codec).rows);
      if (ids.length < count || rows.length > limit) break;
      max = `(${ids.at(-1)!}`;
    }
    const shown = rows.slice(0, limit);
    return {
      entries: shown.map((row) => this.codec.decodeEntry(row)),
      next: rows.length > limit ? (shown.at(-1)?.id ?? null) : null,
    };
  }

  /** See `Store.pruneJournal`. Redis is free for others between the steps. */
  async prune({ before, keep, limit }: PruneJournalOptions): Promise<number> {
    const bound = before === null ? '' : `(${beginningAt(before)}`;
    let removed = 0;
    let count = BATCH;
    while (count >= BATCH && removed < limit) {
      count = await this.scripts.pruneJournal(Math.min(BATCH, limit - removed), bound, keep);
      removed += count;
    }
    return removed;
  }
}

/** What the ids of entries of a time begin with, and those of later ones are behind. */
function beginningAt(time: number): string {
  if (time > MAX_TIME) return '~';
  const hex = Math.max(0, Math.ceil(time)).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}`;
}

/** The length of the task, the task (neither for none), the other columns as JSON, and the envelope behind a newline. */
function entryText({ id, time, kind, taskId, scheduler, actor, body }: JournalRow): EntryText {
  const task = taskId === null ? '-' : `${Buffer.byteLength(taskId)} ${taskId}`;
  return { id, task: taskId, text: `${task}${JSON.stringify([time, kind, scheduler, actor])}\n${body}` };
}

/** A row of what is stored; null for what was not written here. */
function rowOf(id: string, stored: string | null): JournalRow | null {
  const [, bytes, text = ''] = /^(?:!(\d+)\n)?(.*)$/s.exec(stored ?? '')!;
  const length = /^(?:-|(\d+) )/.exec(text);
  if (!length) return null;
  const from = length[0].length;
  const taskId = length[1] === undefined ? null : beginning(text.slice(from), Number(length[1]));
  const [columns, body] = splitLine(text.slice(from + (taskId ?? '').length));
  try {
    const [time, kind, scheduler, actor] = JSON.parse(columns) as Columns;
    const row = { id, time, kind, taskId, scheduler, actor };
    return bytes === undefined ? { ...row, body } : { ...row, body: '', oversize: Number(bytes) };
  } catch {
    return null;
  }
}

type Columns = [JournalRow['time'], JournalRow['kind'], JournalRow['scheduler'], JournalRow['actor']];

function splitLine(text: string): [line: string, rest: string] {
  const end = text.indexOf('\n');
  return end < 0 ? [text, ''] : [text.slice(0, end), text.slice(end + 1)];
}

/** As many bytes from the beginning of a text. */
function beginning(text: string, bytes: number): string {
  return Buffer.from(text.slice(0, bytes)).subarray(0, bytes).toString();
}
