// One job of the harness, in this process: a round of a workload on one system, or what comes before and after all rounds.
import { FailedRun } from './harness/ledger.mjs';
import { findServer, watchConnections } from './harness/meter.mjs';
import { createPlace, placeOf, portOf, removePlace } from './harness/places.mjs';
import { systemOf } from './systems/index.mjs';

const job = JSON.parse(process.argv[2]);
watchConnections();
// It ends with the process that wanted it, however that ends.
process.once('disconnect', () => process.exit(0));

const place = placeOf(job.store, job.place);
const { adapter, settings } = systemOf(job.system);
const { workload } = await import(`./workloads/${job.workload}.mjs`);
const port = portOf(job.store);

/** What workloads and adapters get: where the data is, which build, how it is configured, and what to do. */
const site = {
  place,
  library: job.builds[adapter.build?.(job.system) ?? 'ours'],
  system: job.system,
  job,
  adapter,
  settings: { ...adapter.settings, ...settings, ...job.settings },
  server: port === null ? null : findServer(port),
};

const ACTIONS = {
  async seed() {
    await createPlace(place);
    await workload.seed(site, job.case);
  },
  async round() {
    if (job.isSeeded) return workload.run(site, job.case);
    await createPlace(place);
    return workload.run(site, job.case);
  },
  partner: () => workload.partner(site, job.case),
  remove: () => removePlace(place),
};

try {
  const figures = await ACTIONS[job.action]();
  if (job.action !== 'partner') process.send({ figures: figures ?? null });
} catch (error) {
  process.send({ failed: error instanceof FailedRun ? error.message : String(error?.stack ?? error) });
}
// Some systems leave timers and connections behind.
process.disconnect();
