import { eachSecond } from './each-second.mjs';

// Its intervals begin when they are added, so the time of a run is counted from there: what drifts is late.
export const adapter = eachSecond('toad-scheduler', 'SimpleIntervalJob({ seconds: 1 })', async (count, tick) => {
  const { AsyncTask, SimpleIntervalJob, ToadScheduler } = await import('toad-scheduler');
  const scheduler = new ToadScheduler();
  for (let id = 0; id < count; id += 1) {
    const begin = Date.now();
    let runs = 0;
    const task = new AsyncTask(`each-second-${id}`, async () => tick(id, begin + (runs += 1) * 1_000));
    scheduler.addSimpleIntervalJob(new SimpleIntervalJob({ seconds: 1 }, task, { id: String(id) }));
  }
  return () => scheduler.stop();
});
