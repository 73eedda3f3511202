// A process that starts with the code of a version, or applies a deploy plan of it, until it is killed. Arguments: the built library, what to
// do as JSON: { subpath, className, options, declared, handlers, orphans, plan }.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [library, given] = process.argv.slice(2);
const { subpath, className, options, declared, handlers, orphans, plan } = JSON.parse(given);
const load = (path) => import(pathToFileURL(join(library, path)).href);
const { [className]: StoreClass } = await load(`stores/${subpath}/${subpath}.store.js`);
const { Scheduler } = await load('scheduler/scheduler.js');
const scheduler = new Scheduler({
  role: plan ? 'client' : 'worker',
  orphans,
  stores: { default: new StoreClass(options) },
});
for (const name of handlers) scheduler.registerHandler(name, () => {});
scheduler.declareTasks(declared);
console.log('ready');
await scheduler.start();
if (plan) await scheduler.applyDeploy(plan).catch((error) => console.log(error.code));
console.log('done');
// It is killed, or told to stop by the end of its input.
setInterval(() => {}, 1_000);
