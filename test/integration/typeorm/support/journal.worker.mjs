// A process that adds, edits, pauses, resumes and deletes tasks until it is killed. Arguments: the built library, and as JSON
// what it is to do.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DataSource } from 'typeorm';

const [library, text] = process.argv.slice(2);
const { database, settings, tableName, name } = JSON.parse(text);
const load = (path) => import(pathToFileURL(join(library, path)).href);
const { Scheduler } = await load('scheduler/scheduler.js');
const { TypeormStore } = await load('stores/typeorm/typeorm.store.js');

const dataSource = await new DataSource(database).initialize();
const scheduler = new Scheduler({
  role: 'client',
  stores: { default: new TypeormStore({ ...settings, dataSource, tableName }) },
});
await scheduler.start();
console.log('begun');
for (let n = 0; ; n += 1) {
  const id = `${name}-${n}`;
  const ops = { actor: name };
  await scheduler.addTask({ id, handler: 'work', trigger: { type: 'interval', hours: 1 }, ...ops });
  await scheduler.addTasks([{ id: `${id}-b`, handler: 'work', trigger: { type: 'interval', hours: 1 } }], ops);
  await scheduler.updateTask(id, { tags: [String(n)] }, ops);
  await scheduler.pauseTask(id, ops);
  await scheduler.resumeTask(id, ops);
  await scheduler.deleteTask(`${id}-b`, ops);
}
