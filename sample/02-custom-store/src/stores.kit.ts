import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { describeStore } from 'nestjs-asyncz/testing';
import { ConditionalWriteStore } from './conditional-write.store.js';
import { JsonStore } from './json.store.js';
import { jsonKit, sqliteKit } from './kit.options.js';
import { SharedSqliteStore } from './shared-sqlite.store.js';
import { SqliteStore } from './sqlite.store.js';

const folder = mkdtempSync(join(tmpdir(), 'custom-store-'));

const json = jsonKit(folder);
describeStore('JsonStore', (request) => new JsonStore(json.fileOf(request)), { describe, it, ...json.options });

const sqlite = sqliteKit(folder);
for (const StoreClass of [SqliteStore, SharedSqliteStore, ConditionalWriteStore]) {
  const create = (request: { readonly namespace: string }) => new StoreClass(sqlite.fileOf(request));
  describeStore(StoreClass.name, create, { describe, it, ...sqlite.options });
}

after(() => rm(folder, { recursive: true }));
