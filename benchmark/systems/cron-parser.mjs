/** It computes times and runs nothing. */
export const adapter = { packages: ['cron-parser'], settings: {}, describe: () => 'next()' };
