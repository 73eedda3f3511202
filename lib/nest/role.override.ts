import type { SchedulerRole } from '../scheduler/scheduler.options.js';
import type { AsynczRuntimeOptions } from './module.options.js';

/**
 * Where the role stands that the schedulers of this process have, whatever the application says. Registered, since an application
 * that is bundled has a copy of this module of its own.
 */
const OVERRIDE = Symbol.for('asyncz:role');

type Overridden = { [OVERRIDE]?: SchedulerRole | undefined };

/**
 * Has `AsynczModule` make schedulers of this role from now on, and start them: the command line works in the application's own
 * context this way, and runs none of its tasks. See `docs/cli.md`.
 *
 * @param role undefined to leave it to the application again.
 */
export function overrideRole(role: SchedulerRole | undefined): void {
  (globalThis as Overridden)[OVERRIDE] = role;
}

/** The options of an application with the role that this process has, if it was given one. */
export function withOverride(options: AsynczRuntimeOptions): AsynczRuntimeOptions {
  const role = (globalThis as Overridden)[OVERRIDE];
  if (role === undefined) return options;
  const started = { ...options, role, autoStart: true };
  // What runs nothing needs no threads, each of which would boot the application's module.
  return role === 'worker' ? started : { ...started, executors: {} };
}
