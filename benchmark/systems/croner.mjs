import { eachSecond } from './each-second.mjs';

export const adapter = eachSecond('croner', "new Cron('* * * * * *')", async (count, tick) => {
  const { Cron } = await import('croner');
  const jobs = Array.from({ length: count }, (_, id) => new Cron('* * * * * *', async () => tick(id)));
  return () => {
    for (const job of jobs) job.stop();
  };
});
