import { toJsonValue } from '../client/json.value.js';
import type { CallOptions, DiagnoseInput, ForecastInput, JournalInput } from '../client/operation.inputs.js';
import type { Serialized } from '../client/serialized.js';
import type { Diagnosis } from '../observe/doctor/diagnosis.js';
import type { Forecast } from '../observe/forecast/forecast.js';
import { checkCount } from '../scheduler/tasks/call.options.js';
import type { JournalPage, JournalQuery } from '../scheduler/tasks/journal.inspection.js';
import { FILTER_OPTIONS } from '../scheduler/tasks/task.filter.js';
import { checkInput, listOfTexts } from './operations.base.js';
import { RunOperations } from './run.operations.js';
import { LONG, serialize } from './serialize.js';

/** How many runs of a forecast are listed. */
const MOST_FORETOLD = 1_000;

const JOURNAL = ['store', 'taskId', 'kind', 'actor', 'scheduler', 'from', 'to', 'limit', 'cursor'];
const FORECAST = [...FILTER_OPTIONS.filter((name) => name !== 'state'), 'from', 'to', 'bucket', 'zone', 'limit'];

/** The operations that tell what was, what is wrong, and what will be. */
export abstract class ReportOperations extends RunOperations {
  async getJournal(input: JournalInput = {}, _options?: CallOptions): Promise<Serialized<JournalPage>> {
    const { kind, ...query } = checkInput('getJournal', input, JOURNAL);
    const kinds = listOfTexts('kind', kind);
    const { entries, next } = await this.scheduler.getJournal({
      ...query,
      ...(kinds && { kind: kinds as JournalQuery['kind'] & readonly string[] }),
    });
    const written = entries.map(({ changes, details, ...entry }) => ({
      ...(serialize(entry) as object),
      // What was changed may be arguments.
      ...(changes && { changes: toJsonValue(changes, LONG) }),
      ...(details && { details: toJsonValue(details, LONG) }),
    }));
    return { entries: written, next } as unknown as Serialized<JournalPage>;
  }

  async diagnose(input: DiagnoseInput = {}, _options?: CallOptions): Promise<Serialized<Diagnosis>> {
    return serialize(await this.scheduler.diagnose(checkInput('diagnose', input, ['store'])));
  }

  async getForecast(input: ForecastInput = {}, _options?: CallOptions): Promise<Serialized<Forecast>> {
    const { limit = 200 } = checkInput('getForecast', input, FORECAST);
    checkCount('limit', limit, 0, MOST_FORETOLD);
    return serialize(await this.scheduler.forecast({ ...input, limit }));
  }
}
