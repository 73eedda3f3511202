import { Observable } from 'rxjs';
import type { SchedulerEvent } from '../events/event.map.js';
import { Scheduler } from '../scheduler/scheduler.js';
import type { TaskHandlers } from '../scheduler/tasks/task.options.js';

/**
 * The injectable scheduler of a Nest application: adds, changes, lists and controls tasks. The module starts it when the
 * application has bootstrapped, and stops it before the application closes.
 *
 * @publicApi
 */
export class SchedulerService<Handlers = TaskHandlers> extends Scheduler<Handlers> {
  /** Every event, as an Observable. Each subscription listens for itself; it never completes. */
  readonly events$ = new Observable<SchedulerEvent>((subscriber) => {
    const listener = (event: SchedulerEvent) => subscriber.next(event);
    this.addListener(listener);
    return () => void this.removeListener(listener);
  });
}
