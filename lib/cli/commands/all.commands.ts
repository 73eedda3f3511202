import type { CommandSpec } from '../command.spec.js';
import { drain, instances, status, undrain } from './cluster.commands.js';
import { completion } from './completion.js';
import { apply, plan } from './deploy.commands.js';
import { events } from './event.commands.js';
import { logs } from './log.commands.js';
import { doctor } from './observe.commands.js';
import { version, worker } from './process.commands.js';
import { cancel, redrive, runInfo, runs } from './run.commands.js';
import { copy, migrate, rotate, schema } from './store.commands.js';
import { add, backfill, reschedule, update } from './task.changes.js';
import { pause, remove, resume, run } from './task.control.js';
import { list, preview, show, timeline, unreadable } from './task.reads.js';

const TASKS = [
  list,
  show,
  preview,
  timeline,
  unreadable,
  add,
  update,
  reschedule,
  pause,
  resume,
  run,
  backfill,
  remove,
];
const RUNS = [runs, runInfo, logs, cancel, redrive];
const CLUSTER = [status, events, doctor, instances, drain, undrain];
const DEPLOYS = [plan, apply];
const STORES = [schema, migrate, rotate, copy];

/** Every command, in the order of the help. */
export const COMMANDS: readonly CommandSpec[] = [
  ...TASKS,
  ...RUNS,
  ...CLUSTER,
  ...DEPLOYS,
  ...STORES,
  worker,
  completion(() => COMMANDS),
  version,
];
