import type { DedupeOptions } from 'nestjs-asyncz';
import { expect } from 'vitest';
import { pause, SCALE, until } from '../cluster.bench.js';
import type { ClusterBench, Worker } from '../cluster.bench.js';
import { taskOf } from '../ledger.js';
import type { Ledger, LedgerLine } from '../ledger.js';
import type { AsksPlan } from '../scheduler.process.js';

const PROCESSES = 3;

/** How many keys each mode has. */
const KEYS = 3;

const FOR_MS = { debounce: 800, throttle: 1_200 } as const;

/** Stores keep whole milliseconds. */
const ROUNDING_MS = 2;

/**
 * How early the time of a task may be that its call has added: that is counted from the clock of the store as the process has heard it
 * last, which is behind by as long as the answer took. On a busy machine that is long; printed is how long it was.
 */
const HEARSAY_MS = 500;

/** How many calls a process may make, as each call has a number. */
const MOST_CALLS = 1_000_000;

/** What a call was answered, by its number in the ledger. */
const OUTCOMES = ['added', 'replaced', 'existing'] as const;

/** A call: between `askedAt` and `knownBy` it was decided in the store, if it was. Times of the monotonic clock, in milliseconds. */
interface Call {
  readonly call: number;
  readonly askedAt: number;
  /** When it was answered; Infinity where its process died before, or the store could not say. */
  readonly answeredAt: number;
  readonly outcome: (typeof OUTCOMES)[number] | null;
  /** When a run of it was started first, and when one of it had ended, first and last; Infinity for never. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly lastEndedAt: number;
}

/** By when it is in the store. */
const knownBy = ({ answeredAt, startedAt }: Call) => Math.min(answeredAt, startedAt);

/** Whether it put something into the store. */
const isAccepted = ({ outcome, startedAt }: Call) =>
  (outcome !== null && outcome !== 'existing') || Number.isFinite(startedAt);

/**
 * Three processes ask for work with `dedupe`, of a few keys for each mode, and carry it out, while one of them is killed each
 * second. What the table of `docs/execution.md` promises is judged by when each call was made and answered, and what was run.
 */
export async function dedupe(bench: ClusterBench): Promise<void> {
  const isSlow = bench.kind.slow;
  const modes = ['skip', 'replace', 'debounce', 'throttle'] as const;
  const scale = isSlow ? 3 : 1;
  const dedupes = modes.flatMap((mode) =>
    Array.from({ length: isSlow ? 1 : KEYS }, (_, at): DedupeOptions => {
      const key = `${mode}-${at}`;
      if (mode === 'skip' || mode === 'replace') return { key, mode };
      return { key, mode, for: FOR_MS[mode] * scale };
    }),
  );
  const times = {
    debounceMs: FOR_MS.debounce * scale,
    throttleMs: FOR_MS.throttle * scale,
    endMs: bench.leaseMs,
  };
  let first = 0;
  const start = (): Promise<Worker> => {
    first += MOST_CALLS;
    const asks: AsksPlan = { dedupes, first, workMs: 30, pauseMs: isSlow ? 400 : 80 };
    return bench.start({ asks, handlers: [] });
  };
  await bench.pool.prepare(PROCESSES + 1);
  const workers = await Promise.all(Array.from({ length: PROCESSES }, start));
  const kills = Math.max(2, Math.round((isSlow ? 20 : 30) * SCALE));
  for (let kill = 1; kill <= kills; kill += 1) {
    await pause(isSlow ? 2_000 : 1_000);
    await bench.kill(workers[kill % PROCESSES]!);
    workers[kill % PROCESSES] = await start();
  }
  await Promise.all(workers.map(({ process }) => process.quiet()));
  // What a key is throttled by stays for some minutes, as finished.
  const haveEnded = async () =>
    (await bench.client.getTaskInfos({ limit: 100 })).tasks.every(({ state }) => state === 'finished');
  await until('every run has ended', haveEnded, 120_000);
  await Promise.all(workers.map((worker) => bench.stop(worker)));
  const lines = bench.ledger.lines();
  const seen = modes.map((mode) => {
    const keys = dedupes.filter((one) => one.mode === mode);
    const judged = keys.map((one) => {
      const id = `asked~${one.key}`;
      const own = lines.filter(({ runId }) => taskOf(runId) === id);
      return judge(one, callsOf(own), times);
    });
    return { mode, ...sumOf(judged), problems: judged.flatMap(({ problems }) => problems) };
  });
  const figures = seen.map(({ mode, calls, answered, accepted, run }) => {
    return `${mode} ${calls} calls (${answered} answered, ${accepted} in the store, ${run} run)`;
  });
  const early = Math.round(Math.max(...seen.map(({ mostEarlyMs }) => mostEarlyMs)));
  const figure = `kills ${kills}; ${figures.join('; ')}; earliest by ${early} ms`;
  console.log(`${'dedupe'.padEnd(9)} ${bench.kind.name.padEnd(10)} ${figure}`);
  for (const { mode, problems, run } of seen) {
    expect(problems, mode).toEqual([]);
    expect(run, `runs of ${mode}`).toBeGreaterThan(0);
  }
  expect(longestOverlap(bench.ledger), 'two runs of a key at a time').toBeLessThan(bench.leaseMs / 2);
}

/** What the ledger says of each call of a key. */
function callsOf(lines: readonly LedgerLine[]): readonly Call[] {
  const first = (kind: LedgerLine['kind']) => {
    const found = new Map<number, LedgerLine>();
    for (const line of lines) if (line.kind === kind && !found.has(line.coalesced)) found.set(line.coalesced, line);
    return found;
  };
  const [answers, starts, ends] = [first('C'), first('S'), first('E')];
  const lastEnds = new Map(
    lines.flatMap(({ kind, coalesced, at }) => (kind === 'E' ? [[coalesced, at] as const] : [])),
  );
  return [...first('Q').values()].map(({ coalesced: call, at }) => {
    const answer = answers.get(call);
    return {
      call,
      askedAt: at,
      answeredAt: answer?.at ?? Infinity,
      outcome: answer ? OUTCOMES[answer.attempt]! : null,
      startedAt: starts.get(call)?.at ?? Infinity,
      endedAt: ends.get(call)?.at ?? Infinity,
      lastEndedAt: lastEnds.get(call) ?? Infinity,
    };
  });
}

/** How long things take at the most. */
interface Times {
  readonly debounceMs: number;
  readonly throttleMs: number;
  /** From when a handler has ended until its end is in the store: for a lease, or it would be run again. */
  readonly endMs: number;
}

/** What is wrong with a call; undefined for nothing. */
type Judgement = (call: Call, calls: readonly Call[]) => string | undefined;

/** What the answers to a call promise. */
function answersOf(mode: DedupeOptions['mode'], { throttleMs, endMs }: Times): Judgement {
  const mayReplace = mode === 'replace' || mode === 'debounce';
  return ({ call, outcome, askedAt, answeredAt, endedAt }, calls) => {
    const others = calls.filter((one) => one.call !== call && isAccepted(one));
    if (outcome === null) return undefined;
    if (outcome !== 'existing') {
      if (mode === 'skip' && outcome === 'replaced') return 'has replaced what waits';
      // Where its process has died, a run is tried again with what was asked for last.
      const isReplaced =
        mode !== 'skip' && others.some((one) => Number.isFinite(one.endedAt) && knownBy(one) > askedAt);
      return Number.isFinite(endedAt) || isReplaced ? undefined : `${outcome}, and lost`;
    }
    if (mayReplace) return 'has left what waits';
    const isHeld = others.some((one) => {
      const isThrottling = mode === 'throttle' && knownBy(one) + throttleMs > askedAt;
      return one.askedAt < answeredAt && (isThrottling || one.lastEndedAt + endMs > askedAt);
    });
    return isHeld ? undefined : 'left out, and there was nothing else of its key';
  };
}

/** When calls with `debounce` are run. */
function debouncing({ debounceMs }: Times): Judgement {
  return (call, calls) => {
    const slackMs = call.outcome === 'replaced' ? ROUNDING_MS : HEARSAY_MS;
    const dueAt = call.askedAt + debounceMs - slackMs;
    if (call.startedAt < dueAt) return `run ${(dueAt - call.startedAt).toFixed(1)} ms before its time`;
    const isLater = (one: Call) => one.askedAt > knownBy(call) && one.answeredAt < dueAt;
    const later = Number.isFinite(call.startedAt) && calls.find(isLater);
    return later ? `run, though call ${later.call} took its place before its time` : undefined;
  };
}

/** How far calls with `throttle` are apart that are run. */
function throttling({ throttleMs }: Times): Judgement {
  return (call, calls) => {
    if (!isAccepted(call)) return undefined;
    const apart = (one: Call) => Math.max(knownBy(one) - call.askedAt, knownBy(call) - one.askedAt);
    const isNear = (one: Call) => one.call > call.call && isAccepted(one) && apart(one) < throttleMs - HEARSAY_MS;
    const near = calls.find(isNear);
    return near && `in the store, and call ${near.call}, too, ${apart(near).toFixed(1)} ms apart at the most`;
  };
}

/** What is wrong with the calls of one key, and how many there were. */
function judge({ mode = 'skip', key }: DedupeOptions, calls: readonly Call[], times: Times) {
  const more = { debounce: [debouncing(times)], throttle: [throttling(times)], skip: [], replace: [] };
  const judgements: readonly Judgement[] = [answersOf(mode, times), ...more[mode]];
  const problems = calls.flatMap((call) =>
    judgements.flatMap((of) => {
      const problem = of(call, calls);
      return problem === undefined ? [] : `${key}, call ${call.call}: ${problem}`;
    }),
  );
  const early = mode !== 'debounce' ? [] : calls.map((one) => one.askedAt + times.debounceMs - one.startedAt);
  return {
    problems,
    calls: calls.length,
    answered: calls.filter(({ outcome }) => outcome !== null).length,
    accepted: calls.filter(isAccepted).length,
    run: calls.filter(({ endedAt }) => Number.isFinite(endedAt)).length,
    mostEarlyMs: Math.max(0, ...early),
  };
}

function sumOf(judged: readonly ReturnType<typeof judge>[]) {
  const sum = (of: (one: ReturnType<typeof judge>) => number) => judged.reduce((total, one) => total + of(one), 0);
  return {
    calls: sum(({ calls }) => calls),
    answered: sum(({ answered }) => answered),
    accepted: sum(({ accepted }) => accepted),
    run: sum(({ run }) => run),
    mostEarlyMs: Math.max(...judged.map(({ mostEarlyMs }) => mostEarlyMs)),
  };
}

/** The longest time for which two live processes worked on runs of one task, in milliseconds. */
function longestOverlap(ledger: Ledger): number {
  const attempts = [...ledger.attempts().values()].flat().sort((a, b) => a.start.at - b.start.at);
  const over = new Map<string, number>();
  let longest = 0;
  for (const attempt of attempts) {
    const task = taskOf(attempt.start.runId);
    longest = Math.max(longest, (over.get(task) ?? 0) - attempt.start.at);
    // One that is not over belongs to a process that was killed.
    if (Number.isFinite(attempt.over)) over.set(task, Math.max(over.get(task) ?? 0, attempt.over));
  }
  return longest;
}
