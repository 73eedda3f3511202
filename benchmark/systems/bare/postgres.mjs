import pg from 'pg';
import { historyOf } from '../bare.mjs';

const TABLES = `
CREATE TABLE IF NOT EXISTS bare_tasks (id text PRIMARY KEY, due bigint NOT NULL, token bigint NOT NULL DEFAULT 0, payload json NOT NULL);
CREATE INDEX IF NOT EXISTS bare_due ON bare_tasks (due);
CREATE TABLE IF NOT EXISTS bare_history (task_id text, token bigint, started_at bigint, ended_at bigint, status text)`;

const TAKE = `
UPDATE bare_tasks SET due = $2, token = token + 1 WHERE id IN
  (SELECT id FROM bare_tasks WHERE due <= $1 ORDER BY due LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING id, token, payload`;

const END =
  'DELETE FROM bare_tasks USING unnest($1::text[], $2::bigint[]) AS ended (id, token) WHERE bare_tasks.id = ended.id AND bare_tasks.token = ended.token';

const END_AND_KEEP = `
WITH gone AS (${END})
INSERT INTO bare_history SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[])`;

/** How long a batch is leased, in ms. */
const LEASE_MS = 30_000;

export async function connect({ url }, { isKept }) {
  const pool = new pg.Pool({ connectionString: url, max: 10 });
  await pool.query(TABLES);
  const ask = (name, text, values) => pool.query({ name, text, values });
  const count = async (table) => Number((await pool.query(`SELECT count(*) FROM ${table}`)).rows[0].count);
  return {
    add: (added) =>
      ask(
        'add',
        'INSERT INTO bare_tasks (id, due, payload) SELECT * FROM unnest($1::text[], $2::bigint[], $3::json[])',
        [added.map(({ id }) => id), added.map(({ due }) => due), added.map(({ payload }) => JSON.stringify(payload))],
      ),
    async take(limit) {
      const now = Date.now();
      return (await ask('take', TAKE, [now, now + LEASE_MS, limit])).rows;
    },
    async end(ended) {
      const keys = [ended.map(({ id }) => id), ended.map(({ token }) => token)];
      if (!isKept) return void (await ask('end', END, keys));
      const rows = ended.map(historyOf);
      await ask('keep', END_AND_KEEP, [
        ...keys,
        ...['startedAt', 'endedAt', 'status'].map((key) => rows.map((row) => row[key])),
      ]);
    },
    left: () => count('bare_tasks'),
    kept: () => count('bare_history'),
    close: () => pool.end(),
  };
}
