// How many tasks a second are added many at once, by the call that a system has for it, while nothing runs.
import { addAndCheck } from '../harness/adding.mjs';
import { workload as one } from './add-one.mjs';

export const workload = {
  ...one,
  title: 'Adding many at once',
  systems: one.systems.filter((name) => name !== 'agenda' && name !== 'sidequest'),
  cases: ({ tasks = [20_000] }) => tasks.map((count) => ({ name: `${count} tasks`, tasks: count })),
  run: (site, { tasks }) => addAndCheck(site, tasks, (session) => session.add(tasks)),
};
