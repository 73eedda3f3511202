import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import type { TaskRow } from 'nestjs-asyncz/store';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS tasks (key TEXT PRIMARY KEY, version INTEGER NOT NULL, due_at INTEGER, row TEXT NOT NULL);
  CREATE INDEX IF NOT EXISTS tasks_due ON tasks (due_at);`;

/** How long a statement waits for a process that writes, in milliseconds. The whole process waits with it. */
const BUSY_MS = 5_000;

/** The rows of tasks in a SQLite file. Each call is one statement, and synchronous. */
export class TaskTable {
  readonly #database: Database;

  constructor(file: string) {
    mkdirSync(dirname(file), { recursive: true });
    this.#database = new Database(file);
    this.#database.pragma(`busy_timeout = ${BUSY_MS}`);
    // Who reads does not wait for who writes.
    this.#database.pragma('journal_mode = WAL');
    this.#database.exec(SCHEMA);
  }

  close(): void {
    this.#database.close();
  }

  /** The database's clock, in milliseconds since the epoch. */
  now(): number {
    const { now } = this.#get("SELECT CAST(ROUND(unixepoch('now', 'subsec') * 1000) AS INTEGER) AS now") as {
      now: number;
    };
    return now;
  }

  get(id: string): TaskRow | null {
    const found = this.#get('SELECT row FROM tasks WHERE key = ?', keyOf(id));
    return found ? rowOf(found) : null;
  }

  all(): TaskRow[] {
    return this.#database.prepare('SELECT row FROM tasks').all().map(rowOf);
  }

  /** Those with a due time up to `until`, the earliest first. */
  *dueUntil(until: number): Iterable<TaskRow> {
    const statement = this.#database.prepare('SELECT row FROM tasks WHERE due_at <= ? ORDER BY due_at');
    for (const found of statement.iterate(until)) yield rowOf(found);
  }

  /** Returns false, and does nothing, when the id is there already. */
  insert(row: TaskRow): boolean {
    const { id, version, dueAt } = row;
    const sql = 'INSERT OR IGNORE INTO tasks (key, version, due_at, row) VALUES (?, ?, ?, ?)';
    return this.#run(sql, keyOf(id), version, dueAt, JSON.stringify(row)) > 0;
  }

  /** Returns false, and does nothing, when another version is there, or none. */
  replace(row: TaskRow, expectedVersion: number): boolean {
    const { id, version, dueAt } = row;
    const sql = 'UPDATE tasks SET version = ?, due_at = ?, row = ? WHERE key = ? AND version = ?';
    return this.#run(sql, version, dueAt, JSON.stringify(row), keyOf(id), expectedVersion) > 0;
  }

  /** Returns false when it is not there, or has another version than the expected one, where one is given. */
  delete(id: string, expectedVersion: number | null = null): boolean {
    const sql = 'DELETE FROM tasks WHERE key = ? AND version = coalesce(?, version)';
    return this.#run(sql, keyOf(id), expectedVersion) > 0;
  }

  /** Deletes all but those whose id begins with a prefix. Returns how many that were. */
  deleteAllBut(prefix: string): number {
    const start = keyOf(prefix).slice(0, -1);
    return this.#run('DELETE FROM tasks WHERE substr(key, 1, ?) <> ?', start.length, start);
  }

  get inTransaction(): boolean {
    return this.#database.inTransaction;
  }

  /** Opens a transaction that writes. Returns false at once when another connection has one. */
  begin(): boolean {
    this.#database.pragma('busy_timeout = 0');
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      return true;
    } catch (error) {
      if ((error as { code?: string }).code === 'SQLITE_BUSY') return false;
      throw error;
    } finally {
      this.#database.pragma(`busy_timeout = ${BUSY_MS}`);
    }
  }

  commit(): void {
    this.#database.exec('COMMIT');
  }

  rollback(): void {
    // Some errors of SQLite have ended it already.
    if (this.inTransaction) this.#database.exec('ROLLBACK');
  }

  #get(sql: string, ...values: unknown[]): unknown {
    return this.#database.prepare(sql).get(...values);
  }

  #run(sql: string, ...values: unknown[]): number {
    return this.#database.prepare(sql).run(...values).changes;
  }
}

/** Ids are any text, half surrogate pairs and NUL among them, which no column of text keeps. JSON escapes them. */
function keyOf(id: string): string {
  return JSON.stringify(id);
}

function rowOf(found: unknown): TaskRow {
  return JSON.parse((found as { row: string }).row) as TaskRow;
}
