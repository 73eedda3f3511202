import { existsSync } from 'node:fs';
import { DataSource } from 'typeorm';
import { StoreUnavailableError } from '../../../errors/store.errors.js';
import { MACHINE } from '../../../model/clock.js';
import { unavailable } from '../sql/driver.error.js';
import { destroyerOf, keepAliveThroughErrors } from '../typeorm-compat.js';
import type { ResolvedOptions } from '../typeorm.options.js';
import { addressOf } from './address.js';

/** How long the connections of the store's own may take to say goodbye, in milliseconds. */
const CLOSE_TIMEOUT_MS = 1_000;

/** A store's way to its database: the application's data source, which it leaves open, or one of its own. */
export class Connection {
  private constructor(
    readonly dataSource: DataSource,
    readonly address: string,
    readonly owned: boolean,
  ) {}

  /**
   * @param readOnly Whether a file is not to be made where there is none.
   * @throws StoreUnavailableError With the address and the reason.
   */
  static async open({ source, database }: ResolvedOptions, readOnly: boolean): Promise<Connection> {
    const address = addressOf(database);
    if (readOnly && isMissingFile(database)) throw new StoreUnavailableError(address, 'there is no such file');
    try {
      const dataSource = 'dataSource' in source ? source.dataSource : new DataSource(source.options);
      const isOwned = !dataSource.isInitialized;
      if (isOwned) await dataSource.initialize();
      keepAliveThroughErrors(dataSource);
      return new Connection(dataSource, address, isOwned);
    } catch (error) {
      throw unavailable(address, error);
    }
  }

  /** Closes what the store opened, and does not wait long for a server that is silent. */
  async close(): Promise<void> {
    if (!this.owned || !this.dataSource.isInitialized) return;
    const destroy = destroyerOf(this.dataSource);
    const cancel = MACHINE.schedule(destroy, CLOSE_TIMEOUT_MS);
    try {
      await this.dataSource.destroy();
    } finally {
      // What is closed already is not harmed.
      cancel();
      destroy();
    }
  }
}

function isMissingFile({ type, database }: ResolvedOptions['database']): boolean {
  return type === 'better-sqlite3' && typeof database === 'string' && database !== ':memory:' && !existsSync(database);
}
