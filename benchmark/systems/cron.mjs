import { eachSecond } from './each-second.mjs';

export const adapter = eachSecond('cron', "CronJob.from({ cronTime: '* * * * * *' })", async (count, tick) => {
  const { CronJob } = await import('cron');
  const make = (id) => CronJob.from({ cronTime: '* * * * * *', onTick: async () => tick(id), start: true });
  const jobs = Array.from({ length: count }, (_, id) => make(id));
  return () => {
    for (const job of jobs) void job.stop();
  };
});
