import { eachSecond } from './each-second.mjs';

export const adapter = eachSecond('node-cron', "schedule('* * * * * *')", async (count, tick) => {
  const { schedule } = await import('node-cron');
  const tasks = Array.from({ length: count }, (_, id) => schedule('* * * * * *', async () => tick(id)));
  return () => Promise.all(tasks.map((task) => task.destroy()));
});
