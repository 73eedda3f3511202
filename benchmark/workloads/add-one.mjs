// How many tasks a second are added one at a time, 50 callers at once, while nothing runs.
import { addAndCheck } from '../harness/adding.mjs';
import { inFlight } from '../systems/in-flight.mjs';

export const workload = {
  title: 'Adding one at a time, 50 in flight',
  stores: ['memory', 'redis', 'postgres', 'mariadb', 'sqlite', 'files', 'mongodb'],
  systems: ['ours', 'other', 'bullmq', 'bullmq-postgres', 'pg-boss', 'graphile-worker', 'agenda', 'sidequest', 'bare'],
  cases: ({ tasks: [tasks] = [10_000] }) => [{ name: '50 in flight', tasks }],
  columns: {
    perSecond: 'adds a second',
    workerUs: 'worker µs an add',
    serverUs: 'server µs an add',
    tripsPer1000: 'round trips for 1,000 adds',
    bytes: 'bytes an add',
  },
  run: (site, { tasks }) => addAndCheck(site, tasks, (session) => inFlight(tasks, (id) => session.addOne(id))),
};
