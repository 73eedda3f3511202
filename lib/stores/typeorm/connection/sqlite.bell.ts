import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../model/clock.js';
import type { Logger } from '../../../model/logger.js';
import { Throttle } from '../../../time/throttle.js';
import { WakeFolder } from '../../wake.folder.js';
import type { Bell } from './bell.interface.js';

/** What the name of the folder has behind that of the database's file. */
const SUFFIX = '-wake';

/** Between two rings, in milliseconds. */
const REST_MS = 10;

/** After how long a file that a killed process has left is removed, in milliseconds. */
const OUTDATED_MS = 86_400_000;

const ALL_THAT_THE_UMASK_LEAVES = 0o666;

/**
 * Wakes the other processes by a file of one's own in a folder beside the database, which all of them watch. The database's
 * own files change with every claim and every end: whoever watched those would wake for each of them.
 */
export class SqliteBell implements Bell {
  readonly #folder: WakeFolder;
  readonly #rings: Throttle;

  /** @param file The path of the database. */
  constructor(
    file: string,
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly onRing: () => void,
  ) {
    this.#folder = new WakeFolder(`${file}${SUFFIX}`, ALL_THAT_THE_UMASK_LEAVES, logger);
    this.#rings = new Throttle(clock, REST_MS, () => void this.#folder.wake(Math.floor(clock.now())));
  }

  get isHeard(): boolean {
    return this.#folder.isOpen;
  }

  async open(): Promise<void> {
    const { folder } = this.#folder;
    try {
      await mkdir(folder, { recursive: true });
      await removeOutdated(folder, this.clock.now() - OUTDATED_MS);
    } catch (error) {
      this.logger.warn(
        `The folder ${folder} cannot be used; other processes are only seen by polling: ${String(error)}`,
      );
      return;
    }
    this.#folder.open();
    this.#folder.listen(this.onRing);
  }

  async close(): Promise<void> {
    if (!this.isHeard) return;
    this.#rings.flush();
    await this.#folder.close();
  }

  renew(): void {}

  ring(): void {
    if (this.isHeard) this.#rings.ask();
  }
}

async function removeOutdated(folder: string, before: number): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (name.endsWith('.wake') && (await stat(path)).mtimeMs < before) await rm(path, { force: true });
  }
}
