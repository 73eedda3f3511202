import type { AsynczOperations } from '../client/operations.js';
import type { CallOptions, EventsInput } from '../client/operation.inputs.js';
import type { EventMessage } from '../client/operation.results.js';
import { checkInput } from './operations.base.js';
import { streamEvents } from './event.stream.js';
import { ReportOperations } from './report.operations.js';

/**
 * The operations on the scheduler of this process: what the HTTP API calls, and the command line where it has the application.
 *
 * ```ts
 * const operations = new LocalOperations(scheduler, { actor: 'deploy' });
 * await operations.pauseTask({ id: 'reports.nightly', reason: 'migration' });
 * ```
 *
 * @publicApi
 */
export class LocalOperations extends ReportOperations implements AsynczOperations {
  streamEvents(input: EventsInput = {}, { signal }: CallOptions = {}): AsyncIterable<EventMessage> {
    return streamEvents(
      this.scheduler,
      checkInput('streamEvents', input, ['names', 'taskId', 'handler', 'tag', 'store']),
      signal,
    );
  }
}
