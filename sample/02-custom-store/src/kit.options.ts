import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { TaskRow } from 'nestjs-asyncz/store';
import type { DescribeStoreOptions, StoreRequest } from 'nestjs-asyncz/testing';

/** What a damaged definition is replaced by. */
const SCRIBBLE = 'scribble';

/** What the conformance kit needs to look into the JSON files of a folder. */
export function jsonKit(folder: string) {
  const fileOf = ({ namespace }: StoreRequest) => join(folder, `${namespace}.json`);
  const options: DescribeStoreOptions = {
    cleanup: (request) => rm(fileOf(request), { force: true }),
    dump: (request) => readFileSync(fileOf(request)),
    damage: ({ id, ...request }) => {
      const whole = readFileSync(fileOf(request));
      const { tasks } = JSON.parse(whole.toString()) as { tasks: TaskRow[] };
      const damaged = tasks.map((row) => (row.id === id ? Object.assign(row, { definition: SCRIBBLE }) : row));
      writeFileSync(fileOf(request), JSON.stringify({ tasks: damaged }));
      return () => writeFileSync(fileOf(request), whole);
    },
    // The history and the journal that BaseStore keeps are in memory.
    keepsHistory: false,
    keepsJournal: false,
    // Each change writes the whole document.
    volume: 50,
  };
  return { fileOf, options };
}

/** The same for SQLite. */
export function sqliteKit(folder: string) {
  const fileOf = ({ namespace }: StoreRequest) => join(folder, `${namespace}.db`);
  const filesOf = (request: StoreRequest) => ['', '-wal', '-shm'].map((ending) => fileOf(request) + ending);
  const setDefinition = (file: string, id: string, definition: string): void => {
    const database = new Database(file);
    const sql = "UPDATE tasks SET row = json_set(row, '$.definition', ?) WHERE key = ?";
    database.prepare(sql).run(definition, JSON.stringify(id));
    database.close();
  };
  const options: DescribeStoreOptions = {
    cleanup: async (request) => {
      for (const file of filesOf(request)) await rm(file, { force: true });
    },
    // What was written last is in the write-ahead log beside the file.
    dump: (request) =>
      Buffer.concat(
        filesOf(request)
          .filter((file) => existsSync(file))
          .map((file) => readFileSync(file)),
      ),
    damage: ({ id, ...request }) => {
      const database = new Database(fileOf(request));
      const sql = "SELECT json_extract(row, '$.definition') AS definition FROM tasks WHERE key = ?";
      const { definition } = database.prepare(sql).get(JSON.stringify(id)) as { definition: string };
      database.close();
      setDefinition(fileOf(request), id, SCRIBBLE);
      return () => setDefinition(fileOf(request), id, definition);
    },
    keepsHistory: false,
    keepsJournal: false,
    volume: 500,
  };
  return { fileOf, options };
}
