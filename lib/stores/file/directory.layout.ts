import { join } from 'node:path';

/** Where everything is in a store's directory: tasks in it, the rest in one folder of its own. */
export class DirectoryLayout {
  /** What is no task. Its name begins with a dot, as no task's does. */
  readonly home: string;
  /** Says whose directory this is, in which format. */
  readonly marker: string;
  /** What has changed, in order, and is in no other file yet. */
  readonly journal: string;
  /** What the task files say, in one file. */
  readonly index: string;
  /** Room for a deletion on a full disk. */
  readonly reserve: string;
  /** Files that are being written. Used only by whoever has the lock: whatever is left here is of the dead. */
  readonly temporary: string;
  readonly runs: string;
  /** The journal of tasks: who did what to them. */
  readonly entries: string;
  readonly schedulers: string;
  readonly processes: string;
  readonly wake: string;

  constructor(
    readonly directory: string,
    readonly suffix: string,
  ) {
    this.home = join(directory, '.asyncz');
    this.marker = join(this.home, 'format.json');
    this.journal = join(this.home, 'journal.jsonl');
    this.index = join(this.home, 'index.jsonl');
    this.reserve = join(this.home, 'reserve');
    this.temporary = join(this.home, 'tmp');
    this.runs = join(this.home, 'runs');
    this.entries = join(this.home, 'entries');
    this.schedulers = join(this.home, 'schedulers');
    this.processes = join(this.home, 'processes');
    this.wake = join(this.home, 'wake');
  }

  /** The folders to be made, parents first. */
  get folders(): readonly string[] {
    return [
      this.directory,
      this.home,
      this.temporary,
      this.runs,
      this.entries,
      this.schedulers,
      this.processes,
      this.wake,
    ];
  }

  /** The file of a task. */
  task(name: string): string {
    return join(this.directory, name + this.suffix);
  }

  /** The name of a task's file without its suffix; null for a file that is no task's. */
  nameOf(file: string): string | null {
    return file.endsWith(this.suffix) && file.length > this.suffix.length && !file.startsWith('.')
      ? file.slice(0, -this.suffix.length)
      : null;
  }
}
