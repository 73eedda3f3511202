import { createPool } from 'mysql2/promise';
import { historyOf } from '../bare.mjs';

const TABLES = [
  'CREATE TABLE IF NOT EXISTS bare_tasks (id varchar(255) PRIMARY KEY, due bigint NOT NULL, owner bigint NOT NULL DEFAULT 0, payload text NOT NULL, KEY bare_due (due))',
  'CREATE TABLE IF NOT EXISTS bare_history (id bigint AUTO_INCREMENT PRIMARY KEY, task_id varchar(255), token bigint, started_at bigint, ended_at bigint, status varchar(20))',
];

/** How long a batch is leased, in ms. */
const LEASE_MS = 30_000;

export async function connect({ url }, { isKept }) {
  const pool = createPool({ uri: url, connectionLimit: 10 });
  for (const table of TABLES) await pool.query(table);
  const count = async (table) => (await pool.query(`SELECT count(*) AS count FROM ${table}`))[0][0].count;
  let token = process.pid * 1_000_000;
  const inTransaction = async (work) => {
    const connection = await pool.getConnection();
    try {
      await connection.beginTransaction();
      const result = await work(connection);
      await connection.commit();
      return result;
    } finally {
      connection.release();
    }
  };
  return {
    add: (added) =>
      pool.query('INSERT INTO bare_tasks (id, due, payload) VALUES ?', [
        added.map(({ id, due, payload }) => [id, due, JSON.stringify(payload)]),
      ]),
    take(limit) {
      const now = Date.now();
      const own = (token += 1);
      return inTransaction(async (connection) => {
        const [rows] = await connection.query(
          'SELECT id, payload FROM bare_tasks WHERE due <= ? ORDER BY due LIMIT ? FOR UPDATE SKIP LOCKED',
          [now, limit],
        );
        if (rows.length === 0) return [];
        await connection.query('UPDATE bare_tasks SET due = ?, owner = ? WHERE id IN (?)', [
          now + LEASE_MS,
          own,
          rows.map(({ id }) => id),
        ]);
        return rows.map(({ id, payload }) => ({ id, token: own, payload: JSON.parse(payload) }));
      });
    },
    end: (ended) =>
      inTransaction(async (connection) => {
        await connection.query('DELETE FROM bare_tasks WHERE id IN (?) AND owner = ?', [
          ended.map(({ id }) => id),
          ended[0].token,
        ]);
        if (!isKept) return;
        await connection.query('INSERT INTO bare_history (task_id, token, started_at, ended_at, status) VALUES ?', [
          ended.map((task) => Object.values(historyOf(task))),
        ]);
      }),
    left: () => count('bare_tasks'),
    kept: () => count('bare_history'),
    close: () => pool.end(),
  };
}
