// What is wanted, row by row, and what the results say to it.
import { median, ratio, summary } from './statistics.mjs';

/** A figure of one system. */
const of = (workload, store, name, system, figure) => ({
  systems: [system],
  find: (results) => summary(results.figures(workload, store, name, system, figure) ?? []),
  at: [workload, store, name],
});

/** How many times another system's figure it is: of several others, the one whose median is the largest or the smallest. */
const times = (workload, store, name, system, others, figure, best = Math.max) => ({
  systems: [system, ...[others].flat()],
  find(results) {
    const own = results.figures(workload, store, name, system, figure);
    const found = [others].flat().flatMap((other) => {
      const values = results.figures(workload, store, name, other, figure);
      return values ? [values] : [];
    });
    if (!own || found.length === 0) return null;
    const target = best(...found.map(median));
    return ratio(
      own,
      found.find((values) => median(values) === target),
    );
  },
  at: [workload, store, name],
});

/** One case of a system against another case of the same. */
const grown = (workload, store, [few, many], system, figure) => ({
  systems: [system],
  find(results) {
    const [small, large] = [few, many].map((name) => results.figures(workload, store, name, system, figure));
    return small && large ? ratio(large, small) : null;
  },
  at: [workload, store, many],
});

const least = (value) => ({ text: `at least ${value}`, isReached: (found) => found >= value });
const most = (value) => ({ text: `at most ${value}`, isReached: (found) => found <= value });

const goal = (row, what, wanted, measured) => ({ row, what, wanted, ...measured });

const SMALL = '20000 tasks';
const LARGE = '100000 tasks';

/** Each dispatch goal for 20,000 and for 100,000 tasks. */
function dispatch(store, system, others, words, [small, large], figure = 'perSecond') {
  return [
    [SMALL, small, '20,000'],
    [LARGE, large, '100,000'],
  ].map(([name, value, count]) =>
    goal(
      `dispatch, ${store}`,
      `${words}, ${count} tasks`,
      least(value),
      times('dispatch', store, name, system, others, figure),
    ),
  );
}

const SCHEDULES = '1000 each second';

function recurring(store, p99, peers) {
  const row = `recurring, ${store}`;
  const own = (figure) => of('recurring', store, SCHEDULES, 'ours', figure);
  return [
    goal(row, 'times missed', most(0), own('missed')),
    goal(row, 'times folded', most(0), own('folded')),
    goal(row, 'late p99, ms', most(p99), own('lateP99')),
    ...(peers.length === 0
      ? []
      : [
          goal(
            row,
            `processor time of both sides, of ${peers.join(' or ')}`,
            most(0.5),
            times('recurring', store, SCHEDULES, 'ours', peers, 'processor', Math.min),
          ),
        ]),
  ];
}

const ADDED = '20000 tasks';

function wakeUp(store, peer, bounds) {
  return ['P50', 'P99'].flatMap((point, at) =>
    peer
      ? goal(
          `wake-up, ${store}`,
          `${point.toLowerCase()} of ${peer}`,
          most(1),
          times('wake-up', store, 'two processes', 'ours', peer, `late${point}`),
        )
      : goal(
          `wake-up, ${store}`,
          `${point.toLowerCase()}, ms`,
          most(bounds[at]),
          of('wake-up', store, 'two processes', 'ours', `late${point}`),
        ),
  );
}

const SERVERS = ['redis', 'postgres', 'mariadb'];
const DURABLE = [...SERVERS, 'sqlite'];

/** The rows of the issue, in its order. */
export const GOALS = [
  ...dispatch('redis', 'ours', 'bullmq-kept', 'of BullMQ that keeps its jobs', [3, 2]),
  ...dispatch('redis', 'ours', 'bare-history', 'of the bare server with history', [0.5, 0.5]),
  ...dispatch('postgres', 'ours', 'pg-boss', 'of pg-boss', [1.1, 1.4]),
  ...dispatch('postgres', 'ours-failures', 'graphile-worker', "history 'failures', of graphile-worker", [1.2, 2]),
  ...dispatch('postgres', 'ours-none', 'graphile-worker', "history 'none', of graphile-worker", [1.2, 2]),
  ...dispatch('mariadb', 'ours', 'bare-history', 'of the bare server with history', [0.75, 0.75]),
  ...dispatch('sqlite', 'ours', 'bare-history', 'of bare SQLite with history', [0.5, 0.5]),
  ...dispatch('files', 'ours', 'bare', 'of one flushed file a task', [5, 5]).slice(0, 1),
  ...dispatch('memory', 'ours', 'heap', 'of the bare heap', [0.5, 0.5]),
  goal(
    'dispatch, memory',
    'runs a second, 100,000 tasks',
    least(200_000),
    of('dispatch', 'memory', LARGE, 'ours', 'perSecond'),
  ),
  ...dispatch('mongodb', 'ours', 'agenda', 'of Agenda', [3, 3]).slice(0, 1),
  ...dispatch('mongodb', 'ours', 'sidequest', 'of Sidequest', [2, 2]).slice(0, 1),
  ...recurring('redis', 80, ['bullmq']),
  ...recurring('postgres', 80, ['bullmq-postgres', 'agenda']),
  ...recurring('mariadb', 80, []),
  ...recurring('sqlite', 80, []),
  ...recurring('memory', 10, []),
  ...recurring('files', 250, []),
  goal(
    'add one at a time, redis',
    'of BullMQ',
    least(1.2),
    times('add-one', 'redis', '50 in flight', 'ours', 'bullmq', 'perSecond'),
  ),
  goal(
    'add one at a time, postgres',
    'of pg-boss',
    least(1.8),
    times('add-one', 'postgres', '50 in flight', 'ours', 'pg-boss', 'perSecond'),
  ),
  goal('add many, redis', 'of BullMQ', least(5), times('add-many', 'redis', ADDED, 'ours', 'bullmq', 'perSecond')),
  goal(
    'add many, postgres',
    'of the best peer',
    least(1.5),
    times('add-many', 'postgres', ADDED, 'ours', ['graphile-worker', 'pg-boss'], 'perSecond'),
  ),
  ...['mariadb', 'sqlite'].map((store) =>
    goal(
      `add many, ${store}`,
      'of the bare server',
      least(0.5),
      times('add-many', store, ADDED, 'ours', 'bare', 'perSecond'),
    ),
  ),
  ...wakeUp('redis', 'bullmq'),
  ...wakeUp('postgres', 'graphile-worker'),
  ...wakeUp('sqlite', null, [20, 20]),
  ...wakeUp('mariadb', null, [250, 250]),
  goal(
    'wake-up, mariadb',
    'round trips a second when idle',
    most(1),
    of('wake-up', 'mariadb', 'two processes', 'ours', 'idleTrips'),
  ),
  ...DURABLE.flatMap((store) => [
    goal(
      `start, ${store}`,
      '100,000 tasks stored, 2,000 of them declared, ms',
      most(2_000),
      of('start', store, '98000 of others', 'ours', 'againMs'),
    ),
    goal(`start, ${store}`, 'what depends on the tasks of others, ms', most(100), {
      systems: ['ours'],
      at: ['start', store, '98000 of others'],
      find(results) {
        const [none, some] = ['none of others', '98000 of others'].map((name) =>
          results.figures('start', store, name, 'ours', 'againMs'),
        );
        return none && some ? summary([median(some) - median(none)]) : null;
      },
    }),
  ]),
  ...SERVERS.map((store) =>
    goal(
      `idle, ${store}`,
      'round trips a second, 100,000 far tasks',
      most(0.2),
      of('idle', store, '100000 far tasks', 'ours', 'tripsPerSecond'),
    ),
  ),
  ...DURABLE.flatMap((store) => [
    goal(
      `growth, ${store}`,
      '1,000,000 far tasks against 1,000',
      least(0.9),
      grown('growth', store, ['1000 far tasks', '1000000 far tasks'], 'ours', 'perSecond'),
    ),
    goal(
      `growth, ${store}`,
      '1,000,000 ended runs against none',
      least(0.9),
      grown('growth', store, ['no ended runs', '1000000 ended runs'], 'ours', 'perSecond'),
    ),
  ]),
  ...SERVERS.flatMap((store) =>
    ['2 processes', '4 processes'].flatMap((name) => [
      goal(
        `processes, ${store}`,
        `${name} against one`,
        least(1),
        grown('processes', store, ['1 process', name], 'ours', 'perSecond'),
      ),
      goal(
        `processes, ${store}`,
        `largest share of ${name} against the smallest`,
        most(2),
        of('processes', store, name, 'ours', 'unevenness'),
      ),
    ]),
  ),
  goal(
    'memory',
    'bytes a far task, of 1,000,000',
    most(600),
    of('memory', 'memory', '1000000 far tasks', 'ours', 'bytesEach'),
  ),
  goal('memory', 'µs an add', most(5), of('memory', 'memory', '1000000 far tasks', 'ours', 'addUs')),
  goal(
    'memory',
    '100,000 one-shots over 10 s: late p99, ms',
    most(2),
    of('memory', 'memory', '100000 over 10 s', 'ours', 'lateP99'),
  ),
  goal(
    'memory',
    '100,000 one-shots over 10 s: processor s',
    most(1.5),
    of('memory', 'memory', '100000 over 10 s', 'ours', 'worker'),
  ),
  goal(
    'what a process pays',
    "import of the main entry without Nest's own, ms",
    most(40),
    of('import', 'memory', 'main entry', 'ours', 'ms'),
  ),
  ...['postgres', 'redis'].map((store) =>
    goal(
      'what a process pays',
      `µs of the process a run, ${store}`,
      most(25),
      of('dispatch', store, SMALL, 'ours', 'workerUs'),
    ),
  ),
  goal(
    'what a process pays',
    'µs of the process a run, memory',
    most(5),
    of('dispatch', 'memory', LARGE, 'ours', 'workerUs'),
  ),
  goal(
    'a cron expression',
    'next() against the best peer, geometric mean of 12',
    least(18),
    times(
      'triggers',
      'memory',
      'twelve expressions',
      'ours',
      ['croner', 'cron-parser', 'cron', 'node-cron'],
      'perSecond',
    ),
  ),
];

/** What the results say to each goal that they have figures for: `found` is null where it failed. */
export function judge(results) {
  return GOALS.flatMap((goal) => {
    const found = goal.find(results);
    const hasFailed = goal.systems.some((system) => results.hasFailed(...goal.at, system));
    if (found === null && !hasFailed) return [];
    return [{ ...goal, found, isReached: found !== null && goal.wanted.isReached(found.median) }];
  });
}
