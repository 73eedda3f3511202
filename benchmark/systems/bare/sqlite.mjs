import { join } from 'node:path';
import Database from 'better-sqlite3';
import { historyOf } from '../bare.mjs';

const TABLES = `
CREATE TABLE IF NOT EXISTS tasks (id TEXT PRIMARY KEY, due INTEGER NOT NULL, token INTEGER NOT NULL DEFAULT 0, payload TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS due ON tasks (due);
CREATE TABLE IF NOT EXISTS history (task_id TEXT, token INTEGER, started_at INTEGER, ended_at INTEGER, status TEXT)`;

/** How long a batch is leased, in ms. */
const LEASE_MS = 30_000;

export async function connect({ folder }, { isKept }) {
  const database = new Database(join(folder, 'bare.db'));
  // As durable as the store of the library.
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.exec(TABLES);
  const insert = database.prepare('INSERT INTO tasks (id, due, payload) VALUES (?, ?, ?)');
  const due = database.prepare('SELECT id, token, payload FROM tasks WHERE due <= ? ORDER BY due LIMIT ?');
  const lease = database.prepare('UPDATE tasks SET due = ?, token = token + 1 WHERE id = ?');
  const remove = database.prepare('DELETE FROM tasks WHERE id = ? AND token = ?');
  const keep = database.prepare('INSERT INTO history VALUES (?, ?, ?, ?, ?)');
  const add = database.transaction((added) => {
    for (const { id, due: time, payload } of added) insert.run(id, time, JSON.stringify(payload));
  });
  const take = database.transaction((limit) => {
    const now = Date.now();
    const rows = due.all(now, limit);
    for (const { id } of rows) lease.run(now + LEASE_MS, id);
    return rows.map(({ id, token, payload }) => ({ id, token: token + 1, payload: JSON.parse(payload) }));
  });
  const end = database.transaction((ended) => {
    for (const task of ended) {
      remove.run(task.id, task.token);
      if (isKept) keep.run(...Object.values(historyOf(task)));
    }
  });
  const count = (table) => database.prepare(`SELECT count(*) AS count FROM ${table}`).get().count;
  return {
    add: async (added) => add.immediate(added),
    take: async (limit) => take.immediate(limit),
    end: async (ended) => end.immediate(ended),
    left: async () => count('tasks'),
    kept: async () => count('history'),
    close: async () => database.close(),
  };
}
