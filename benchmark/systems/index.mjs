// The systems that are measured. One adapter a system; some are measured in more than one configuration.
//
// An adapter has `packages` (whose versions are printed), `settings` (the default ones), `describe` (its settings in words) and
// `open(site, handler)`, which connects and prepares everything but starts nothing. Without a handler it only adds. It returns
// a session:
//
//   add(count, { from, at })  one-shot tasks, many at once; due now, or at the time `at` in ms, or at `at(id)`
//   addOne(id)                one that is due now
//   schedule(count)           tasks that run each second
//   go()                      starts to run what is due
//   left()                    how many tasks have not ended; more than zero is enough
//   kept()                    how many ended runs are kept; null where none are meant to be
//   mostKept                  how many are kept at the most, where that is bounded
//   pause()                   starts nothing more, where a system can do that
//   close()
//
// The handler gets the number of the task, and, of recurring ones, the time in ms that the run is for and how many other times
// it stands for. What an adapter cannot do is left out.

/** By the name of a system: its adapter, and what is configured otherwise. */
const SYSTEMS = {
  ours: ['ours'],
  'ours-failures': ['ours', { history: 'failures' }],
  'ours-none': ['ours', { history: 'none' }],
  // Another build, see `--against`.
  other: ['ours'],
  nest: ['nest'],
  'nest-guard': ['nest', { around: 'guard' }],
  'nest-all': ['nest', { around: 'all' }],
  'nest-scoped': ['nest', { around: 'scoped' }],
  'nest-other': ['nest'],
  bullmq: ['bullmq'],
  'bullmq-kept': ['bullmq', { keep: true }],
  'bullmq-postgres': ['bullmq-postgres'],
  agenda: ['agenda'],
  'graphile-worker': ['graphile-worker'],
  'pg-boss': ['pg-boss'],
  sidequest: ['sidequest'],
  croner: ['croner'],
  'toad-scheduler': ['toad-scheduler'],
  cron: ['cron'],
  'node-cron': ['node-cron'],
  'cron-parser': ['cron-parser'],
  heap: ['heap'],
  bare: ['bare'],
  'bare-history': ['bare', { history: 'all' }],
};

export const SYSTEM_NAMES = Object.keys(SYSTEMS);

const adapters = new Map();
for (const [file] of Object.values(SYSTEMS)) {
  const { adapter } = await import(`./${String(file)}.mjs`);
  adapters.set(file, adapter);
}

/** The adapter and the settings of a system. */
export function systemOf(name) {
  const [file, settings = {}] = SYSTEMS[name];
  return { adapter: adapters.get(file), settings };
}

/** The systems of each store, ours first. */
const BY_STORE = {
  memory: [
    'ours-none',
    'nest',
    'nest-guard',
    'nest-all',
    'nest-scoped',
    'nest-other',
    'heap',
    'croner',
    'toad-scheduler',
    'cron',
    'node-cron',
    'cron-parser',
  ],
  redis: ['ours-none', 'bullmq-kept', 'bullmq', 'agenda', 'bare-history', 'bare'],
  postgres: [
    'ours-failures',
    'ours-none',
    'pg-boss',
    'graphile-worker',
    'bullmq-postgres',
    'agenda',
    'sidequest',
    'bare-history',
    'bare',
  ],
  mariadb: ['ours-none', 'sidequest', 'bare-history', 'bare'],
  sqlite: ['ours-none', 'sidequest', 'bare-history', 'bare'],
  files: ['ours-none', 'bare'],
  mongodb: ['ours-none', 'agenda', 'sidequest', 'bare-history', 'bare'],
};

/** The systems that can keep tasks in a store, the library's first. */
export function systemsOf(store) {
  return ['ours', 'other', ...BY_STORE[store]];
}
