import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { TaskRow } from 'nestjs-asyncz/store';
import { describeStore } from 'nestjs-asyncz/testing';
import type { StoreRequest } from 'nestjs-asyncz/testing';
import { JsonStore } from './json.store.js';

const folder = mkdtempSync(join(tmpdir(), 'json-store-'));
const fileOf = ({ namespace }: StoreRequest) => join(folder, `${namespace}.json`);

describeStore('JsonStore', (request) => new JsonStore(fileOf(request)), {
  describe,
  it,
  cleanup: (request) => rm(fileOf(request), { force: true }),
  dump: (request) => readFileSync(fileOf(request)),
  damage: ({ id, ...request }) => {
    const whole = readFileSync(fileOf(request));
    const { tasks } = JSON.parse(whole.toString()) as { tasks: TaskRow[] };
    const damaged = tasks.map((row) => (row.id === id ? { ...row, definition: 'scribble' } : row));
    writeFileSync(fileOf(request), JSON.stringify({ tasks: damaged }));
    return () => writeFileSync(fileOf(request), whole);
  },
  // The history of a store that has only the eight methods is in memory.
  keepsHistory: false,
  // Each change writes the whole document.
  volume: 50,
});

after(() => rm(folder, { recursive: true }));
