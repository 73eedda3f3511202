// 1,000 schedules that each run every second: how many ran, how late, and what both sides paid.
import { FailedRun, isWhole, sleep } from '../harness/ledger.mjs';
import { startMeter } from '../harness/meter.mjs';
import { percentile } from '../harness/statistics.mjs';

/** How long it runs before it is measured, and how long late runs are waited for, and the ends of all, in ms. */
const WARM_MS = 3_000;
const LATE_MS = 5_000;
const ENDS_MS = 60_000;

/** The runs of the seconds that are measured. */
class Window {
  late = [];
  folded = 0;
  calls = 0;
  begin = Infinity;
  #ran;

  constructor(schedules, seconds) {
    this.schedules = schedules;
    this.#ran = new Uint8Array(schedules * seconds);
  }

  ran(id, scheduled, coalesced = 0) {
    const late = Date.now() - scheduled;
    this.calls += 1;
    const at = Math.round((scheduled - this.begin) / 1_000) * this.schedules + id;
    if (!(at >= 0 && at < this.#ran.length)) return;
    this.#ran[at] += 1;
    this.folded += coalesced;
    this.late.push(late);
  }

  get missing() {
    return this.#ran.filter((times) => times === 0).length;
  }

  get doubled() {
    return this.#ran.filter((times) => times > 1).length;
  }
}

async function run(site, { schedules, seconds }) {
  const window = new Window(schedules, seconds);
  const settings = { ...site.settings, schedules };
  const session = await site.adapter.open({ ...site, settings }, (id, scheduled, coalesced) =>
    window.ran(id, scheduled, coalesced),
  );
  try {
    await session.schedule(schedules);
    await session.go();
    const begin = Math.ceil((Date.now() + WARM_MS) / 1_000) * 1_000;
    await sleep(begin - Date.now() - 100);
    window.begin = begin;
    const stop = startMeter(site.server);
    await sleep(begin + seconds * 1_000 - 100 - Date.now());
    const { worker, server } = stop();
    for (const end = Date.now() + LATE_MS; window.missing > 0 && Date.now() < end;) await sleep(50);
    const { missing, doubled, folded, late } = window;
    if (doubled > 0 && !site.adapter.guessesTimes) throw new FailedRun(`${doubled} times ran twice`);
    await checkHistory(session, window);
    return {
      ran: schedules * seconds - missing,
      missed: missing - folded,
      folded,
      lateP50: percentile(late, 0.5),
      lateP99: percentile(late, 0.99),
      worker,
      server,
      processor: worker + (server ?? 0),
    };
  } finally {
    await session.close();
  }
}

/** Waits until the ends of all runs are in the history, where the session can be paused to see that. */
async function checkHistory(session, window) {
  if (!session.pause) return;
  await session.pause();
  let kept = 0;
  for (const end = Date.now() + ENDS_MS; Date.now() < end; await sleep(100)) {
    kept = await session.kept();
    if (isWhole(session, kept, window.calls)) return;
  }
  throw new FailedRun(`the history has ${kept} runs of ${window.calls}`);
}

export const workload = {
  title: 'Schedules that run each second',
  stores: ['memory', 'redis', 'postgres', 'mariadb', 'sqlite', 'files', 'mongodb'],
  systems: ['ours', 'other', 'bullmq', 'bullmq-postgres', 'agenda', 'croner', 'toad-scheduler', 'cron', 'node-cron'],
  cases: ({ isShort, schedules = 1_000 }) => [
    { name: `${schedules} each second`, schedules, seconds: isShort ? 5 : 20 },
  ],
  columns: {
    lateP50: 'late p50, ms',
    lateP99: 'late p99, ms',
    ran: 'ran',
    missed: 'missed',
    folded: 'folded',
    worker: 'worker s',
    server: 'server s',
    processor: 'both s',
  },
  run,
};
