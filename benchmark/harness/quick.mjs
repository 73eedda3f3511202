// `npm run bench:quick`: the main ratios in less than two minutes, too roughly to be written down.

/** What is measured, each once: the workload, the stores, the systems, and options. */
export const QUICK = [
  { workload: 'dispatch', stores: ['memory'], systems: ['ours', 'heap'], tasks: [20_000] },
  { workload: 'dispatch', stores: ['redis'], systems: ['ours', 'bullmq-kept', 'bare-history'], tasks: [5_000] },
  {
    workload: 'dispatch',
    stores: ['postgres'],
    systems: ['ours', 'ours-none', 'pg-boss', 'graphile-worker', 'bare-history'],
    tasks: [5_000],
  },
  { workload: 'dispatch', stores: ['mariadb', 'sqlite'], systems: ['ours', 'bare-history'], tasks: [5_000] },
  { workload: 'dispatch', stores: ['files'], systems: ['ours', 'bare'], tasks: [1_000] },
  { workload: 'add-many', stores: ['redis'], systems: ['ours', 'bullmq'], tasks: [5_000] },
  { workload: 'add-many', stores: ['postgres'], systems: ['ours', 'pg-boss', 'graphile-worker'], tasks: [5_000] },
  { workload: 'recurring', stores: ['memory', 'redis', 'postgres'], systems: ['ours'], isShort: true },
  { workload: 'wake-up', stores: ['redis'], systems: ['ours', 'bullmq'], isShort: true },
  { workload: 'wake-up', stores: ['postgres'], systems: ['ours', 'graphile-worker'], isShort: true },
];
