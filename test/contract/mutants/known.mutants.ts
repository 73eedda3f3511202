import { standOf } from '../../../lib/model/change.js';
import type { Apply, KnownChange, TaskStand } from '../../../lib/model/change.js';
import type { TaskRecord } from '../../../lib/model/task.js';
import type { Exchange, Exchanged, Written } from '../../../lib/stores/exchange.interface.js';
import type { Transacted } from '../../../lib/stores/store.interface.js';
import type { Selection } from '../../../lib/stores/selection.interface.js';
import { HostStore } from '../../support/host.store.js';
import type { Mutant } from './mutant.interface.js';

/** Does something else about known changes. */
abstract class WritingStore extends HostStore {
  protected abstract written(changes: readonly KnownChange[]): Promise<Written>;

  override async exchange({ write, ...rest }: Exchange): Promise<Exchanged> {
    const exchanged = await super.exchange(rest);
    return write ? { ...exchanged, written: await this.written(write) } : exchanged;
  }

  /** What a store that keeps the contract does. */
  protected async soundly(changes: readonly KnownChange[]): Promise<Written> {
    return (await super.exchange({ write: changes })).written;
  }
}

/** Makes of what is known what is there, so that a guard is passed by. */
abstract class UnguardedStore extends WritingStore {
  /** What of the record in the store takes the place of what is known. */
  protected abstract forged(from: TaskStand, stored: TaskStand): TaskStand;

  protected async written(changes: readonly KnownChange[]): Promise<Written> {
    const forged = await Promise.all(
      changes.map(async (change) => {
        const stored = await this.read(change.from.id);
        return stored && !('unreadable' in stored)
          ? { ...change, from: this.forged(change.from, standOf(stored)) }
          : change;
      }),
    );
    return this.soundly(forged);
  }
}

export const KNOWN_MUTANTS: readonly Mutant[] = [
  {
    fault: 'a known change is written whatever the version is by now',
    create: class extends UnguardedStore {
      protected forged(from: TaskStand, { version }: TaskStand) {
        return { ...from, version };
      }
    },
    caughtBy: [
      'changes that are known: are lost where another scheduler was faster, and named, while others are written',
      'changes that are known: are decided on again where they are lost: the end of a run counts, and so does what came in between',
    ],
  },
  {
    fault: 'a known change is written whatever the token is by now',
    create: class extends UnguardedStore {
      protected forged(from: TaskStand, { lastToken }: TaskStand) {
        return { ...from, lastToken };
      }
    },
    caughtBy: ['changes that are known: are lost where the task is another one of the same id and version'],
  },
  {
    fault: 'a known removal counts as written where the task is gone already',
    create: class extends WritingStore {
      protected async written(changes: readonly KnownChange[]): Promise<Written> {
        const { lost, failed } = await this.soundly(changes);
        const gone = await Promise.all(lost.map(async (id) => ((await this.read(id)) ? [] : [id])));
        const isGone = new Set(gone.flat());
        for (const { from, history } of changes) if (isGone.has(from.id)) this.saveRuns(history ?? []);
        return { lost: lost.filter((id) => !isGone.has(id)), failed };
      }
    },
    caughtBy: [
      'changes that are known: are lost where another scheduler was faster, and named, while others are written',
      'changes that are known: are lost where the task was to be removed, and somebody else has ended its run and removed it',
    ],
  },
  {
    fault: 'known changes that were lost are not named',
    create: class extends WritingStore {
      protected async written(changes: readonly KnownChange[]): Promise<Written> {
        return { ...(await this.soundly(changes)), lost: [] };
      }
    },
    caughtBy: [
      'changes that are known: are lost where another scheduler was faster, and named, while others are written',
      'changes that are known: are lost where the task is another one of the same id and version',
      'changes that are known: are decided on again where they are lost: the end of a run counts, and so does what came in between',
      'changes that are known: are written for one of two schedulers that know the same',
    ],
  },
  {
    fault: 'one known change that is lost takes the others along',
    create: class extends WritingStore {
      protected async written(changes: readonly KnownChange[]): Promise<Written> {
        for (const { from } of changes) {
          const stored = await this.read(from.id);
          const isSame = stored && !('unreadable' in stored) && stored.version === from.version;
          if (!isSame) return { lost: changes.map((change) => change.from.id), failed: [] };
        }
        return this.soundly(changes);
      }
    },
    caughtBy: [
      'changes that are known: are lost where another scheduler was faster, and named, while others are written',
    ],
  },
  {
    fault: 'a known change writes the task and not its history',
    create: class extends WritingStore {
      protected async written(changes: readonly KnownChange[]): Promise<Written> {
        return this.soundly(changes.map((change) => ({ ...change, history: [] })));
      }
    },
    caughtBy: [
      'changes that are known: are written when the task is as it was: the version counts up, and the history has the ended runs',
      'changes that are known: are lost where another scheduler was faster, and named, while others are written',
      'changes that are known: end a run as a decision about it does',
    ],
  },
  {
    fault: 'the history of a known change is written though the change is lost',
    create: class extends WritingStore {
      protected async written(changes: readonly KnownChange[]): Promise<Written> {
        this.saveRuns(changes.flatMap(({ history }) => history ?? []));
        return this.soundly(changes);
      }
    },
    caughtBy: [
      'changes that are known: are lost where another scheduler was faster, and named, while others are written',
    ],
  },
  {
    fault: 'a known change never writes the definition',
    create: class extends WritingStore {
      protected async written(changes: readonly KnownChange[]): Promise<Written> {
        return this.soundly(
          changes.map((change) => ({
            ...change,
            task: change.task && { ...change.task, definition: change.from.definition },
          })),
        );
      }
    },
    caughtBy: ['changes that are known: keep the definition, or change it where it is another object'],
  },
  {
    fault: 'a known change does not count the version up',
    create: class extends WritingStore {
      #isKnown = false;
      protected async written(changes: readonly KnownChange[]): Promise<Written> {
        this.#isKnown = true;
        try {
          return await this.soundly(changes);
        } finally {
          this.#isKnown = false;
        }
      }
      protected override async write(task: TaskRecord): Promise<void> {
        await super.write(this.#isKnown ? { ...task, version: task.version - 1 } : task);
      }
    },
    caughtBy: [
      'changes that are known: are written when the task is as it was: the version counts up, and the history has the ended runs',
      'changes that are known: follow each other without reading',
      'changes that are known: end a run as a decision about it does',
      'changes that are known: are written for one of two schedulers that know the same',
    ],
  },
  {
    fault: 'a decision is not told what was decided before',
    create: class extends HostStore {
      override transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
        return super.transact(selection, (task, now) => apply(task, now, [])) as Promise<Transacted<T>>;
      }
    },
    caughtBy: [
      'changes in one step: tells each decision what was decided before it in the same call',
      'changes in one step: counts no decision that was not written: a plan that is asked again has the room that it had',
    ],
  },
  {
    fault: 'a decision that was lost counts for those that come after it',
    create: class extends HostStore {
      override transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
        const lost: T[] = [];
        return super.transact(selection, (task, now, decided) => {
          // Another scheduler is faster once with each task.
          const first = apply(task, now, [...lost, ...decided]);
          if (first) lost.push(first.value);
          return apply(task, now, [...lost, ...decided]);
        }) as Promise<Transacted<T>>;
      }
    },
    caughtBy: [
      'changes in one step: counts no decision that was not written: a plan that is asked again has the room that it had',
    ],
  },
  {
    fault: 'what a decision left alone is not named',
    create: class extends HostStore {
      override async transact<T>(selection: Selection, apply: Apply<T>): Promise<Transacted<T>> {
        return { ...((await super.transact(selection, apply)) as Transacted<T>), left: [] };
      }
    },
    caughtBy: ['changes in one step: names what a decision left alone, as it was read'],
  },
];
