/*
 * What one next() costs, against croner, cron-parser and cron, in one process.
 *
 *   npm run build && node benchmark/triggers.bench.mjs
 *   npm run build && npx -y -p node@24 node benchmark/triggers.bench.mjs
 *
 * Each library parses its expression once, outside of the measurement, and then walks: each time is the start of the next
 * question, as a scheduler asks. A row is measured in rounds, the libraries in turn, so that a slow moment of the machine
 * meets them all, and the best round counts. Before that the first times are compared: a fast wrong answer is no answer.
 *
 * Exit code 1 when a row is slower than any of them, or less than twice as fast as the best.
 */
import { Cron } from 'croner';
import { CronExpressionParser } from 'cron-parser';
import { CronTime } from 'cron';

const dist = process.env.ASYNCZ_DIST ?? new URL('../dist/', import.meta.url).href;
const { createTrigger } = await import(`${dist}triggers/trigger.registry.js`);

const ROWS = [
  ['every minute', '* * * * *', 'UTC', '2025-01-15T10:20:30Z'],
  ['every second', '* * * * * *', 'UTC', '2025-01-15T10:20:30Z'],
  ['every 5 minutes', '*/5 * * * *', 'UTC', '2025-01-15T10:20:30Z'],
  ['every day at 02:00', '0 2 * * *', 'UTC', '2025-01-15T10:20:30Z'],
  ['workdays, office hours', '0,30 9-17 * * 1-5', 'UTC', '2025-01-15T10:20:30Z'],
  ['1st and 15th', '30 4 1,15 * *', 'UTC', '2025-01-15T10:20:30Z'],
  ['last day of the month', '0 0 L * *', 'UTC', '2025-01-15T10:20:30Z'],
  ['29 February', '0 0 29 2 *', 'UTC', '2025-01-15T10:20:30Z'],
  ['every year', '0 0 1 1 *', 'Europe/Lisbon', '2025-01-15T10:20:30Z'],
  ['workdays, zoned', '0 9 * * 1-5', 'America/New_York', '2025-01-15T10:20:30Z'],
  ['every 15 minutes, clocks go forward', '*/15 * * * *', 'America/New_York', '2025-03-09T06:00:00Z'],
  ['01:30, clocks go back', '30 1 * * *', 'Europe/Lisbon', '2025-10-20T00:00:00Z'],
];

/**
 * How many times are walked before starting over: enough to pass the changes of clocks of the last rows, and for rare
 * schedules few enough to stay in this century.
 */
const WALK = 200;
const RARE_WALK = 15;
const RARE = new Set(['0 0 29 2 *', '0 0 1 1 *']);

const ROUNDS = 15;
const ROUND_MS = 40;

const LIBRARIES = {
  asyncz(expression, timezone) {
    const trigger = createTrigger({ type: 'cron', expression, timezone });
    return (date) => trigger.next(date, date);
  },
  croner(expression, timezone) {
    // A fixed offset is its fast way; it takes ten times as long in the zone UTC.
    const cron = new Cron(expression, timezone === 'UTC' ? { utcOffset: 0, paused: true } : { timezone, paused: true });
    return (date) => cron.nextRun(date);
  },
  'cron-parser'(expression, timezone) {
    // Its own way: it keeps its place, and is set back when the walk starts over.
    const interval = CronExpressionParser.parse(expression, { tz: timezone });
    let expected = null;
    return (date) => {
      if (date !== expected) interval.reset(date);
      expected = interval.next().toDate();
      return expected;
    };
  },
  cron(expression, timezone) {
    const time = new CronTime(expression, timezone);
    return (date) => time.getNextDateFrom(date, timezone).toJSDate();
  },
};

function prepare(name, [, expression, timezone, start], count) {
  try {
    const next = LIBRARIES[name](expression, timezone);
    const first = walk(next, new Date(start), count);
    return { name, next, first, best: Infinity };
  } catch {
    return { name, next: null, first: null, best: NaN };
  }
}

function walk(next, start, count) {
  const times = [];
  let date = start;
  for (let i = 0; i < count; i += 1) {
    date = next(date);
    times.push(date.getTime());
  }
  return times;
}

/** Nanoseconds per question in a round of about {@link ROUND_MS}. */
function measure(next, start, count) {
  const from = new Date(start);
  let asked = 0;
  const began = performance.now();
  let took = 0;
  do {
    let date = from;
    for (let i = 0; i < count; i += 1) date = next(date);
    asked += count;
    took = performance.now() - began;
  } while (took < ROUND_MS);
  return (took * 1e6) / asked;
}

function format(value) {
  if (Number.isNaN(value)) return 'cannot';
  return value >= 10_000 ? `${(value / 1_000).toFixed(1)}k` : value.toFixed(0);
}

const names = Object.keys(LIBRARIES);
console.log(`Node ${process.version}, ICU ${process.versions.icu}, tz ${process.versions.tz}; ns per next()\n`);
console.log(['row'.padEnd(38), ...names.map((name) => name.padStart(12)), 'ratio'.padStart(8)].join(''));

let failed = false;
for (const row of ROWS) {
  const [title, expression, , start] = row;
  const count = RARE.has(expression) ? RARE_WALK : WALK;
  const entries = names.map((name) => prepare(name, row, count));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const entry of entries) {
      if (entry.next !== null) entry.best = Math.min(entry.best, measure(entry.next, start, count));
    }
  }
  const [own, ...others] = entries;
  const rivals = others.filter((entry) => entry.next !== null);
  const ratio = Math.min(...rivals.map((entry) => entry.best)) / own.best;
  const differs = rivals.filter((entry) => String(entry.first) !== String(own.first)).map((entry) => entry.name);
  if (ratio < 2) failed = true;
  console.log(
    [
      `${title} (${expression})`.padEnd(38).slice(0, 38),
      ...entries.map((entry) => format(entry.best).padStart(12)),
      `${ratio.toFixed(1)}x`.padStart(8),
      differs.length > 0 ? `  other times: ${differs.join(', ')}` : '',
    ].join(''),
  );
}
console.log('\nratio: how many times as fast as the best of the others; wanted at least 2 on every row');
if (failed) process.exitCode = 1;
