import { readdir } from 'node:fs/promises';
import type { UnreadableTask } from '../../model/task.js';
import { isUnreadable } from '../../model/task.js';
import type { TaskCodec } from '../../persistence/codec.interface.js';
import type { DueFilter } from '../selection.interface.js';
import type { ChangeJournal, News } from './change.journal.js';
import type { DirectoryLayout } from './directory.layout.js';
import { eachOf, signatureAt } from './durable.fs.js';
import type { FileSignature } from './durable.fs.js';
import type { LoadedFile, TaskFiles } from './task.files.js';
import { TaskIndex } from './task.index.js';
import type { IndexedTask, TaskSummary } from './task.summary.js';
import { summaryOf } from './task.summary.js';

/** How many unreadable files one look checks for a change: a bound for a directory full of them. */
const RECHECKS = 64;

/** How often the first due task may turn out to have changed behind everybody's back in one look. */
const TRIES = 10_000;

/** What a catalog is made with. */
export interface CatalogTools {
  readonly layout: DirectoryLayout;
  readonly codec: TaskCodec;
  readonly files: TaskFiles;
  readonly journal: ChangeJournal;
  readonly report: (task: UnreadableTask) => void;
}

/**
 * What is in the directory, as this process knows it: the index, kept up to date by the journal, and by the files
 * themselves where they were changed by hand.
 */
export class TaskCatalog {
  readonly index = new TaskIndex();
  #readable: ReadonlySet<string>;
  #mustScan = true;
  #reading: Promise<boolean> | null = null;
  #locked = false;

  constructor(private readonly tools: CatalogTools) {
    this.#readable = new Set(tools.codec.readable());
  }

  /**
   * Learns what others have done.
   *
   * @returns Whether something is unfinished, so that only whoever has the lock knows all.
   */
  refresh(): Promise<boolean> {
    // While this process has the lock nobody else can do anything.
    if (this.#locked && !this.#reading) return Promise.resolve(false);
    return this.#read(false);
  }

  /** The same for who has just got the lock. Until {@link unlock} nothing more is to be learned. */
  async lock(): Promise<void> {
    while (this.#reading) await this.#reading.catch(() => {});
    await this.#read(true);
    this.#locked = true;
  }

  unlock(): void {
    this.#locked = false;
  }

  /** Looks at all files, and reads those that are not as they were. */
  async scan(): Promise<void> {
    const { layout } = this.tools;
    const known = [...this.index.all()];
    const there = new Set<string>();
    for (const file of await readdir(layout.directory)) {
      const name = layout.nameOf(file);
      if (name !== null) there.add(name);
    }
    await eachOf(there, async (name) => {
      const entry = this.index.get(name);
      if (entry?.signature === null) return;
      if (!entry || (await signatureAt(layout.task(name))) !== entry.signature) await this.load(name);
    });
    await eachOf(
      known.filter(({ file, signature }) => signature !== null && !there.has(file)),
      async ({ file }) => void (await this.load(file)),
    );
    this.#mustScan = false;
  }

  /** Reads a file, and remembers what it says unless something newer has become known meanwhile. */
  async load(file: string): Promise<LoadedFile | null> {
    const before = this.index.get(file);
    const loaded = await this.tools.files.load(file);
    if (this.index.get(file) !== before || before?.signature === null) return loaded;
    if (loaded === null) {
      this.index.remove(file);
    } else if (isUnreadable(loaded.task)) {
      this.index.put({ file, signature: loaded.signature, unreadable: loaded.task });
      this.tools.report(loaded.task);
    } else if (!before || before.unreadable || before.signature !== loaded.signature) {
      this.index.put(summaryOf(loaded.row!, file, loaded.signature));
    }
    return loaded;
  }

  /** Looks again at files that could not be read, where they have changed or the keys have. */
  async recheckUnreadable(): Promise<void> {
    const { codec, layout } = this.tools;
    const readable = codec.readable();
    const newKeys = readable.some((key) => !this.#readable.has(key));
    this.#readable = new Set(readable);
    const all = [...this.index.unreadable()];
    await eachOf(newKeys ? all : all.slice(0, RECHECKS), async (entry) => {
      const same = entry.signature === (await signatureAt(layout.task(entry.file)));
      const reason = entry.unreadable!.unreadable;
      const mayHeal = newKeys && (reason === 'wrong-key' || reason === 'unknown-serializer');
      if (!same || mayHeal) await this.load(entry.file);
      // The next look begins with those that this one did not reach.
      else if (all.length > RECHECKS && this.index.get(entry.file) === entry) this.index.put(entry.summary);
    });
  }

  /** When the first task that is asked for is due; null for never. Its file was not read, but is as it was. */
  async firstDue(filter: DueFilter): Promise<number | null> {
    for (let tries = 0; tries < TRIES; tries += 1) {
      const first = this.index.first(filter);
      if (!first || (await this.#isAsKnown(first))) return first?.key ?? null;
      await this.load(first.file);
    }
    return this.index.first(filter)?.key ?? null;
  }

  async #isAsKnown({ file, signature }: IndexedTask): Promise<boolean> {
    return signature === null || signature === (await signatureAt(this.tools.layout.task(file)));
  }

  /** What a file will say when the batch that has the lock is written. */
  expect(summary: TaskSummary): void {
    this.index.put(summary);
  }

  expectNone(file: string): void {
    this.index.remove(file);
  }

  /** What was expected has come about. */
  sign(file: string, signature: FileSignature): void {
    this.index.sign(file, signature);
  }

  /** What was expected has not come about: what the file says counts. */
  async restore(file: string): Promise<void> {
    this.index.remove(file);
    try {
      await this.load(file);
    } catch {
      this.#mustScan = true;
    }
  }

  #read(locked: boolean): Promise<boolean> {
    this.#reading ??= this.#apply(locked).finally(() => (this.#reading = null));
    return this.#reading;
  }

  async #apply(locked: boolean): Promise<boolean> {
    const news = await this.tools.journal.read(locked);
    const uncertain = this.#applyBatches(news);
    await eachOf(uncertain, async (file) => void (await this.load(file)));
    if (news.missed || this.#mustScan) {
      this.#mustScan = true;
      await this.scan();
    }
    return news.unfinished;
  }

  /** Returns the files that must be read to be known. */
  #applyBatches({ batches, uncertain }: News): Set<string> {
    const unknown = new Set<string>();
    for (const { put, remove } of batches) {
      for (const file of remove) {
        this.index.remove(file);
        unknown.delete(file);
      }
      for (const summary of put) {
        this.index.put(summary);
        // Why another's task cannot be read here, only its record tells.
        if (this.#readable.has(summary.codec)) unknown.delete(summary.file);
        else unknown.add(summary.file);
      }
    }
    for (const file of uncertain) unknown.add(file);
    return unknown;
  }
}
