import type { DiagnoseOptions, Diagnosis } from '../observe/doctor/diagnosis.js';
import type { Forecast, ForecastOptions } from '../observe/forecast/forecast.js';
import { readGauges } from '../observe/health/gauges.js';
import type { InstrumentedScheduler } from '../observe/meter/observation.js';
import type { SchedulerMetrics } from '../observe/meter/scheduler.metrics.js';
import type { Tracing } from '../observe/meter/tracing.js';
import type { SchedulerCore } from './scheduler.core.js';
import { SchedulerTasks } from './scheduler.tasks.js';
import type { TaskHandlers } from './tasks/task.options.js';

/** The methods of `Scheduler` that look at what it does. */
export abstract class SchedulerMeasures<Handlers = TaskHandlers>
  extends SchedulerTasks<Handlers>
  implements InstrumentedScheduler
{
  readonly #core: SchedulerCore;

  /** @internal */
  constructor(core: SchedulerCore) {
    super(core);
    this.#core = core;
  }

  abstract get identity(): string;

  abstract get name(): string;

  /**
   * Looks for what is wrong with the tasks, the stores and the schedulers that share them: what, why it matters, what to do, and how
   * sure it is. Reads only, within bounds that the options set; what was left out is said.
   *
   * @throws SchedulerNotRunningError, UnknownOptionError, InvalidOptionError, UnknownNameError (store)
   */
  diagnose(options?: DiagnoseOptions): Promise<Diagnosis> {
    return this.#core.doctor.diagnose(options);
  }

  /**
   * Begins to count what this scheduler does, and returns the numbers; called again, the same ones. Nothing is counted before the
   * first call. See `docs/observability.md`.
   */
  measure(): SchedulerMetrics {
    const { options, observation, ...services } = this.#core;
    return observation.measure(options.name, () => readGauges({ ...services, clock: options.clock }));
  }

  /** @internal Has every add and every run traced from now on. */
  traceWith(tracing: Tracing): void {
    this.#core.observation.traceWith(tracing);
  }

  /**
   * Foretells the next runs of tasks, with calendars and zones: how many start when, what load that is by measured run times, which
   * overlap, and what starts in the same second. Reads only, within bounds that the options set; what was left out is said.
   *
   * @throws UnknownOptionError, InvalidOptionError, UnknownNameError (store), and what a store throws that cannot be read.
   */
  forecast(options?: ForecastOptions): Promise<Forecast> {
    return this.#core.forecaster.forecast(options);
  }
}
