import { Job } from 'sidequest';

/** What a job calls; set by the adapter, in whose process the jobs run. */
export const handlers = { work: async () => {} };

/** The job of the benchmark: Sidequest imports its class from this file. */
export class Work extends Job {
  async run(id) {
    return handlers.work(id);
  }
}
