// A process whose handler writes rows in transactions of its run, and that dies at its so-many-th statement from the call of
// the handler on. Arguments: the built library, and as JSON what it is to do.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DataSource } from 'typeorm';

const [library, text] = process.argv.slice(2);
const { database, settings, tableName, effects, handlers, diesAt, isSentFirst } = JSON.parse(text);
const load = (path) => import(pathToFileURL(join(library, path)).href);
const { Scheduler } = await load('scheduler/scheduler.js');
const { TypeormStore } = await load('stores/typeorm/typeorm.store.js');

const die = () => process.kill(process.pid, 'SIGKILL');
let isCounting = false;
let statements = 0;

/** TypeORM says each statement here before it sends it. */
const logger = {
  logQuery() {
    if (!isCounting || (statements += 1) !== diesAt) return;
    if (isSentFirst) setImmediate(die);
    else die();
  },
  logQueryError() {},
  logQuerySlow() {},
  logSchemaBuild() {},
  logMigration() {},
  log() {},
};

const dataSource = await new DataSource({ ...database, logger }).initialize();
// What a driver answers is no result that can be stored.
const insert = async (manager, run, step) => {
  await manager.query(`INSERT INTO ${effects} (run, step) VALUES ('${run}', '${step}')`);
};

const scheduler = new Scheduler({
  lease: '1s',
  pollInterval: '100ms',
  stores: { default: new TypeormStore({ ...settings, dataSource, tableName }) },
});
for (const handler of handlers) {
  scheduler.registerHandler(handler, async (_args, context) => {
    isCounting = true;
    await context.transaction('first', (manager) => insert(manager, handler, 'first'));
    await context.transaction(async (manager) => {
      await insert(manager, handler, 'end');
      return 'ended';
    });
    isCounting = false;
  });
}
let left = handlers.length;
const all = new Promise((resolve) => {
  scheduler.addListener(() => (left -= 1) === 0 && resolve(), 'run.succeeded');
});
await scheduler.start();
await all;
await scheduler.shutdown();
await dataSource.destroy();
console.log('done');
