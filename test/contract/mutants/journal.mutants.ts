import type { Change } from '../../../lib/model/change.js';
import type {
  JournalEntry,
  JournalPageRequest,
  PruneJournalOptions,
  StoredJournalFilter,
  StoredJournalPage,
} from '../../../lib/model/journal.js';
import type { TaskRecord } from '../../../lib/model/task.js';
import { JournalLog } from '../../../lib/stores/journal.log.js';
import type { AddOptions, Committed, JournalOptions, StoreCapabilities } from '../../../lib/stores/store.interface.js';
import { HostStore } from '../../support/host.store.js';
import type { Mutant } from './mutant.interface.js';

export const JOURNAL_MUTANTS: readonly Mutant[] = [
  {
    fault: 'entries of the journal are shared with the caller',
    create: class extends HostStore {
      readonly #entries = new Map<string, JournalEntry>();
      override appendJournal(entries: readonly JournalEntry[]): void {
        for (const entry of entries) this.#entries.set(entry.id, entry);
        super.appendJournal(entries);
      }
      override journal(filter: StoredJournalFilter, page: JournalPageRequest): StoredJournalPage {
        const { entries, next } = super.journal(filter, page);
        return { entries: entries.map(({ id }) => this.#entries.get(id)!), next };
      }
    },
    caughtBy: ['journal: gives back an entry in every field'],
  },
  {
    fault: 'the journal lists what was written last first',
    create: class extends HostStore {
      readonly #order: string[] = [];
      override appendJournal(entries: readonly JournalEntry[]): void {
        this.#order.push(...entries.map(({ id }) => id));
        super.appendJournal(entries);
      }
      override journal(filter: StoredJournalFilter, page: JournalPageRequest): StoredJournalPage {
        const { entries, next } = super.journal(filter, page);
        const at = ({ id }: JournalEntry) => this.#order.lastIndexOf(id);
        return { entries: entries.toSorted((a, b) => at(b) - at(a)), next };
      }
    },
    caughtBy: ['journal: lists the latest first, whatever the order of writing'],
  },
  {
    fault: 'the journal is not filtered by scheduler, nor by an empty list of kinds',
    create: class extends HostStore {
      override journal({ scheduler: _, kinds, ...filter }: StoredJournalFilter, page: JournalPageRequest) {
        return super.journal({ ...filter, ...(kinds?.length && { kinds }) }, page);
      }
    },
    caughtBy: ['journal: filters by task, kind, actor, scheduler and time, alone and together'],
  },
  {
    fault: 'a page of the journal goes on by number',
    create: class extends HostStore {
      override journal(filter: StoredJournalFilter, { limit, cursor }: JournalPageRequest): StoredJournalPage {
        const from = Number(cursor ?? 0);
        const { entries } = super.journal(filter, { limit: 10_000 });
        const next = from + limit < entries.length ? String(from + limit) : null;
        return { entries: entries.slice(from, from + limit), next };
      }
    },
    caughtBy: [
      'journal: pages by cursor without a gap or a repetition, also while newer entries come in',
      'journal: refuses a cursor that it did not make',
    ],
  },
  {
    fault: 'an entry that is there already is left as it is',
    create: class extends HostStore {
      override appendJournal(entries: readonly JournalEntry[]): void {
        const known = new Set(Array.from(this.disk.journal.rows(), ({ id }) => id));
        super.appendJournal(entries.filter(({ id }) => !known.has(id)));
      }
    },
    caughtBy: ['journal: replaces an entry that is written twice'],
  },
  {
    fault: 'pruning the journal has no bound',
    create: class extends HostStore {
      override pruneJournal(options: PruneJournalOptions): number {
        return super.pruneJournal({ ...options, limit: 10_000 });
      }
    },
    caughtBy: ['journal: prunes what is too old or too much, the oldest first, in bounded steps'],
  },
  {
    fault: 'the journal goes with the tasks',
    create: class extends HostStore {
      override removeAllTasks(options?: JournalOptions): Promise<number> {
        this.pruneJournal({ before: null, keep: 0, limit: 10_000 });
        return super.removeAllTasks(options);
      }
    },
    caughtBy: [
      'journal: keeps the entries of tasks that are gone, and is not emptied with them',
      'journal of changes: has the entries of removals, where there was something to remove',
    ],
  },
  {
    fault: 'the journal is kept in memory',
    create: class extends HostStore {
      readonly #log = new JournalLog();
      override appendJournal(entries: readonly JournalEntry[]): void {
        this.#log.append(entries, this.codec);
      }
      override journal(filter: StoredJournalFilter, page: JournalPageRequest): StoredJournalPage {
        return this.#log.query(filter, page, this.codec);
      }
    },
    caughtBy: [
      'journal of changes: outlives the store, and shows itself to another scheduler',
      'journal of changes: has one entry for each change of two schedulers at a time',
    ],
  },
  {
    fault: 'a journal that is written after the changes is kept in memory',
    create: class extends HostStore {
      readonly #log = new JournalLog();
      override readonly capabilities: StoreCapabilities = {
        coordination: 'host',
        wakeUp: 'pushed',
        transactionalAdds: true,
        transactionalChanges: true,
        durable: true,
      };
      protected override note(): void {}
      override appendJournal(entries: readonly JournalEntry[]): void {
        this.#log.append(entries, this.codec);
      }
      override journal(filter: StoredJournalFilter, page: JournalPageRequest): StoredJournalPage {
        return this.#log.query(filter, page, this.codec);
      }
    },
    caughtBy: ['journal of changes: outlives the store, and shows itself to another scheduler'],
  },
  {
    fault: 'the journal is in clear',
    encryption: 'encrypted',
    create: class extends HostStore {
      override appendJournal(entries: readonly JournalEntry[]): void {
        this.disk.journal.append(entries, this.context.createCodec({ encrypt: false }));
      }
    },
    caughtBy: [
      'journal under keys: hides who, why and what from whoever reads what is stored',
      'journal under keys: says which entries another key has written, finds actors under each key, and is written anew',
    ],
  },
  {
    fault: 'only changes of a definition have entries',
    create: class extends HostStore {
      protected override commit<T>(task: TaskRecord, { journal, ...change }: Change<T>): Promise<Committed<T>> {
        const isEdit = change.task && change.task.definition !== task.definition;
        return super.commit(task, isEdit && journal ? { ...change, journal } : change);
      }
    },
    caughtBy: [
      'journal of changes: has the entries of changes that were written, and none of those that were not',
      'journal of changes: has one entry for each change of two schedulers at a time',
      'journal, and a backend that fails in the middle: never has a change without its entry, nor an entry without its change',
    ],
  },
  {
    fault: 'entries are written before it is known what is added or removed',
    create: class extends HostStore {
      override addTask(task: TaskRecord, { journal, ...options }: AddOptions = {}): Promise<void> {
        this.note({ ...(journal && { journal }) });
        return super.addTask(task, options);
      }
      override deleteTask(id: string, options?: JournalOptions): Promise<boolean> {
        this.note(options);
        return super.deleteTask(id);
      }
    },
    caughtBy: [
      'journal of changes: has the entries of tasks that were added, and of no other',
      'journal of changes: has the entries of removals, where there was something to remove',
      "journal of changes: is part of the caller's transaction",
      'journal, and a backend that fails in the middle: has the entries of the adds and removals that were written',
    ],
  },
  {
    fault: 'entries are written in a step of their own, after the change',
    create: class extends HostStore {
      protected override async commit<T>(task: TaskRecord, { journal, ...change }: Change<T>): Promise<Committed<T>> {
        const committed = await super.commit(task, change);
        await this.disk.call();
        this.note({ ...(journal && { journal }) });
        return committed;
      }
    },
    caughtBy: [
      'journal, and a backend that fails in the middle: never has a change without its entry, nor an entry without its change',
    ],
  },
];
