// What one next() of a cron expression costs. Each library parses its expression once, outside of the measurement, and then
// walks: each time is the start of the next question, as a scheduler asks. The best of some short rounds counts.
import { importEntry } from '../harness/library.mjs';
import { geometricMean } from '../harness/statistics.mjs';

const ROWS = [
  ['* * * * *', 'UTC', '2025-01-15T10:20:30Z'],
  ['* * * * * *', 'UTC', '2025-01-15T10:20:30Z'],
  ['*/5 * * * *', 'UTC', '2025-01-15T10:20:30Z'],
  ['0 2 * * *', 'UTC', '2025-01-15T10:20:30Z'],
  ['0,30 9-17 * * 1-5', 'UTC', '2025-01-15T10:20:30Z'],
  ['30 4 1,15 * *', 'UTC', '2025-01-15T10:20:30Z'],
  ['0 0 L * *', 'UTC', '2025-01-15T10:20:30Z'],
  ['0 0 29 2 *', 'UTC', '2025-01-15T10:20:30Z'],
  ['0 0 1 1 *', 'Europe/Lisbon', '2025-01-15T10:20:30Z'],
  ['0 9 * * 1-5', 'America/New_York', '2025-01-15T10:20:30Z'],
  // Clocks go forward, and back.
  ['*/15 * * * *', 'America/New_York', '2025-03-09T06:00:00Z'],
  ['30 1 * * *', 'Europe/Lisbon', '2025-10-20T00:00:00Z'],
];

/**
 * How many times are walked before starting over: enough to pass the changes of clocks of the last rows, and for rare
 * schedules few enough to stay in this century.
 */
const WALK = 200;
const RARE_WALK = 15;
const RARE = new Set(['0 0 29 2 *', '0 0 1 1 *']);

const ROUNDS = 8;
const ROUND_MS = 30;

async function ours(library) {
  const { createTrigger } = await importEntry(library, '.');
  return (expression, timezone) => {
    const trigger = createTrigger({ type: 'cron', expression, timezone });
    return (date) => trigger.next(date, date);
  };
}

const LIBRARIES = {
  ours: ({ library }) => ours(library),
  other: ({ library }) => ours(library),
  async croner() {
    const { Cron } = await import('croner');
    return (expression, timezone) => {
      // A fixed offset is its fast way; it takes ten times as long in the zone UTC.
      const cron = new Cron(expression, { paused: true, ...(timezone === 'UTC' ? { utcOffset: 0 } : { timezone }) });
      return (date) => cron.nextRun(date);
    };
  },
  async 'cron-parser'() {
    const { CronExpressionParser } = await import('cron-parser');
    return (expression, timezone) => {
      // Its own way: it keeps its place, and is set back when the walk starts over.
      const interval = CronExpressionParser.parse(expression, { tz: timezone });
      let expected = null;
      return (date) => {
        if (date !== expected) interval.reset(date);
        expected = interval.next().toDate();
        return expected;
      };
    };
  },
  async cron() {
    const { CronTime } = await import('cron');
    return (expression, timezone) => {
      const time = new CronTime(expression, timezone);
      return (date) => time.getNextDateFrom(date, timezone).toJSDate();
    };
  },
};

function walk(next, start, count) {
  const times = [];
  let date = start;
  for (let i = 0; i < count; i += 1) {
    date = next(date);
    times.push(date.getTime());
  }
  return String(times);
}

/** Nanoseconds a question, in the best round. */
function measure(next, start, count) {
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round += 1) {
    const began = performance.now();
    let asked = 0;
    let took = 0;
    do {
      let date = start;
      for (let i = 0; i < count; i += 1) date = next(date);
      asked += count;
      took = performance.now() - began;
    } while (took < ROUND_MS);
    best = Math.min(best, (took * 1e6) / asked);
  }
  return best;
}

async function run(site) {
  const make = await LIBRARIES[site.system](site);
  const reference = await ours(site.library);
  const found = [];
  let differing = 0;
  for (const [expression, timezone, from] of ROWS) {
    const start = new Date(from);
    const count = RARE.has(expression) ? RARE_WALK : WALK;
    let next;
    try {
      next = make(expression, timezone);
      // A fast wrong answer is no answer.
      if (walk(next, start, count) !== walk(reference(expression, timezone), start, count)) differing += 1;
    } catch {
      continue;
    }
    found.push(measure(next, start, count));
  }
  const ns = geometricMean(found);
  return { ns, perSecond: 1e9 / ns, known: found.length, differing };
}

export const workload = {
  title: 'The next time of a cron expression',
  stores: ['memory'],
  systems: Object.keys(LIBRARIES),
  cases: () => [{ name: 'twelve expressions' }],
  columns: {
    ns: 'ns, geometric mean',
    perSecond: 'a second',
    known: 'of twelve it knows',
    differing: 'with other times than ours',
  },
  run,
};
