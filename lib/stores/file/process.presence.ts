import { randomBytes } from 'node:crypto';
import { readdir, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { StoreInUseError } from '../../errors/store.errors.js';
import { MACHINE } from '../../model/clock.js';
import { pause } from '../../time/wait.js';
import { ifThere, openOwn, readText } from './durable.fs.js';

/** How often a process says that it is there, in milliseconds. */
const BEAT_MS = 5_000;

/** After how long without a word it is taken for dead, in milliseconds. */
const SILENT_MS = 15_000;

/** How often to look at what another one says while it is not clear whether it lives, in milliseconds. */
const LOOK_MS = 250;

/** After how many looks to give up when there is always somebody new, so that a start always ends. */
const LOOKS = 240;

/** The length of the file: one that never changes needs no room on a disk that has become full. */
const FILE_LENGTH = 512;

/** What a process says of itself. */
interface Word {
  readonly realm: string;
  readonly host: string;
  readonly pid: number;
  readonly scheduler: string;
  readonly state: 'starting' | 'running';
}

interface Heard extends Partial<Word> {
  readonly file: string;
  readonly text: string;
  /** Milliseconds since the epoch, by the disk's clock. */
  readonly at: number;
}

/** Who is about to use a directory. */
export interface PresenceOptions {
  readonly folder: string;
  readonly mode: number;
  readonly alias: string;
  readonly scheduler: string;
  /** Among whom the lock is exclusive: see `lockRealm`. */
  readonly realm: string;
}

/**
 * What keeps two machines, or two containers that do not see each other's lock, from using one directory at the same
 * time: each process keeps a file there that it rewrites every few seconds. Whether one lives is seen from whether its
 * file changes, so no two clocks are compared that are not the same disk's.
 */
export class ProcessPresence {
  readonly #file = `${randomBytes(8).toString('hex')}.json`;
  #state: Word['state'] = 'starting';
  #beats = 0;
  #beatAt = -Infinity;
  #usurper: Heard | null = null;
  #cancel: () => void = () => {};

  constructor(private readonly options: PresenceOptions) {}

  /**
   * Says that this process is there, unless somebody is who cannot see its lock. What may be dead is waited for.
   *
   * @throws StoreInUseError When a process lives that cannot see this one's lock.
   */
  async enter(): Promise<void> {
    try {
      await this.#write();
      await this.#refuseOthers();
      this.#state = 'running';
      await this.beat();
      this.#keepBeating();
    } catch (error) {
      await this.leave();
      throw error;
    }
  }

  /** Says no more that it is there. */
  async leave(): Promise<void> {
    this.#cancel();
    await rm(this.#path(this.#file), { force: true });
  }

  /**
   * For whoever has the lock: whether it is still worth something. A process that was stopped for a while may have been
   * taken for dead.
   *
   * @throws StoreInUseError When another realm has taken the directory over.
   */
  async verify(): Promise<void> {
    if (this.#usurper || MACHINE.monotonic() - this.#beatAt > BEAT_MS) await this.beat();
    if (this.#usurper) throw this.#inUseBy(this.#usurper, 'It took over while this process did not answer.');
  }

  /** Whether no other process that uses the directory has been heard of lately. */
  async isAlone(): Promise<boolean> {
    const now = await this.#write();
    return (await this.#others()).every(({ at }) => now - at > SILENT_MS);
  }

  /** Says once more that this process is there. */
  async beat(): Promise<void> {
    const wasRemoved = this.#beats > 0 && (await ifThere(stat(this.#path(this.#file)))) === null;
    const usurper = wasRemoved ? (await this.#foreign()).find(({ state }) => state === 'running') : undefined;
    this.#usurper = usurper ?? null;
    if (!usurper) await this.#write();
    this.#beatAt = MACHINE.monotonic();
  }

  #keepBeating(): void {
    this.#cancel = MACHINE.schedule(() => {
      this.#keepBeating();
      // If the disk fails, the next operation on it rejects with the reason.
      this.beat().catch(() => {});
    }, BEAT_MS);
  }

  async #refuseOthers(): Promise<void> {
    const seen = new Map<string, string>();
    for (let looks = 0; looks < LOOKS; looks += 1) {
      const now = await this.#write();
      const fresh = (await this.#foreign()).filter(({ at }) => now - at <= SILENT_MS);
      if (fresh.length === 0) return this.#bury(now);
      for (const other of fresh) {
        const changed = seen.has(other.file) && seen.get(other.file) !== other.text;
        seen.set(other.file, other.text);
        if (changed && !this.#withdraws(other)) {
          throw this.#inUseBy(other, 'Only processes of one machine, and in containers of one network, can share it.');
        }
      }
      await pause(MACHINE, LOOK_MS);
    }
    throw this.#inUseBy({ file: '', text: '', at: 0 }, 'Others come and go all the time.');
  }

  /** Of two that start at the same moment the one whose name comes first goes on. */
  #withdraws(other: Heard): boolean {
    return other.state === 'starting' && this.#file < other.file;
  }

  /** Removes what the dead have left. One of this realm that was only stopped writes its file again. */
  async #bury(now: number): Promise<void> {
    for (const { file, realm, at } of await this.#others()) {
      const silentMs = realm === this.options.realm ? 4 * SILENT_MS : SILENT_MS;
      if (now - at > silentMs) await rm(this.#path(file), { force: true });
    }
  }

  async #foreign(): Promise<Heard[]> {
    return (await this.#others()).filter(({ realm }) => realm !== this.options.realm);
  }

  async #others(): Promise<Heard[]> {
    const heard: Heard[] = [];
    for (const file of await readdir(this.options.folder)) {
      if (!file.endsWith('.json') || file === this.#file) continue;
      const text = await readText(this.#path(file)).catch(() => '');
      const stats = await ifThere(stat(this.#path(file)));
      if (text !== null && stats) heard.push({ ...parseWord(text), file, text, at: stats.mtimeMs });
    }
    return heard;
  }

  /** Returns when that was by the disk's clock, in milliseconds since the epoch. */
  async #write(): Promise<number> {
    const { realm, scheduler, mode } = this.options;
    this.#beats += 1;
    const word: Word = { realm, host: hostname(), pid: process.pid, scheduler, state: this.#state };
    const text = `${JSON.stringify({ ...word, beat: this.#beats })}\n`.padEnd(FILE_LENGTH);
    const path = this.#path(this.#file);
    const file = await ifThere(openOwn(path, 'r+'));
    if (!file) {
      await writeFile(path, text, { mode });
      return (await stat(path)).mtimeMs;
    }
    try {
      await file.write(text, 0);
      return (await file.stat()).mtimeMs;
    } finally {
      await file.close();
    }
  }

  #path(file: string): string {
    return join(this.options.folder, file);
  }

  #inUseBy({ scheduler = 'unknown', host = 'unknown', pid }: Heard, reason: string): StoreInUseError {
    return new StoreInUseError(
      this.options.alias,
      `the scheduler "${scheduler}" (process ${pid ?? 'unknown'} on ${host})`,
      `${reason} Stop the other one, or use a store that coordinates a cluster.`,
    );
  }
}

function parseWord(text: string): Partial<Word> {
  try {
    const word = JSON.parse(text) as Partial<Word> | null;
    return typeof word === 'object' && word !== null ? word : {};
  } catch {
    // Caught in the middle of being written, or damaged: whoever it is, it is a stranger until it changes.
    return {};
  }
}
