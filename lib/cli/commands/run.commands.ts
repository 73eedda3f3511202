import type { Serialized } from '../../client/serialized.js';
import type { AnyRunInfo } from '../../scheduler/tasks/run.info.js';
import { UsageError } from '../cli.errors.js';
import { answer, defineCommand } from '../command.spec.js';
import type { Printer } from '../output/printer.js';
import { terminalJson } from '../output/terminal.text.js';
import { shownDuration } from '../output/times.js';
import { confirm } from './confirm.js';
import { count, given, REASON, RUN_FILTER, runFilterOf, YES } from './input.options.js';
import type { InStore, RunFilterOptions } from './input.options.js';

type Shown = Serialized<AnyRunInfo>;
type Ended = Extract<Shown, { endedAt: string }>;

const IN_STORE_OF_RUN = { flags: '--in <alias>', description: 'the store of its task' };

export const runs = defineCommand<RunFilterOptions & { dead?: boolean; limit?: number; cursor?: string }>({
  name: 'runs',
  summary: 'list ended runs, the latest first',
  options: [
    ...RUN_FILTER,
    { flags: '--dead', description: 'runs that failed or were lost for good' },
    { flags: '--limit <n>', description: 'how many at the most (100)', parse: count('--limit', 1, 1_000) },
    { flags: '--cursor <cursor>', description: 'the "next" of the page before' },
  ],
  role: 'observer',
  async run({ operations, options, io }) {
    const { dead, limit, cursor } = options;
    const page = await operations.listRuns({ ...runFilterOf(options, io.now()), ...given({ dead, limit, cursor }) });
    return answer(page, (print) => {
      const rows = page.runs.map((run) => [
        run.id,
        run.dead ? `${run.status} (dead)` : run.status,
        run.source,
        run.attempt,
        print.time(run.endedAt),
        tookOf(run),
        run.error ? `${run.error.name}: ${run.error.message}`.slice(0, LONGEST) : '',
      ]);
      print.table(['RUN', 'STATUS', 'SOURCE', 'ATTEMPT', 'ENDED', 'TOOK', 'ERROR'], rows, 'No run.');
      if (page.next !== null) print.line(`There are more: --cursor ${page.next}`);
    });
  },
});

/** How much of an error a row of a table has, in characters. */
const LONGEST = 80;

export const runInfo = defineCommand<InStore>({
  name: 'run-info',
  summary: 'show a run: its attempts, its error, its result',
  args: [['<run>', 'the id of the run']],
  options: [IN_STORE_OF_RUN],
  role: 'observer',
  async run({ operations, args: [runId], options }) {
    const details = await operations.getRun({ runId: runId!, ...given({ store: options.in }) });
    return answer(details, (print) => {
      showRun(details.run, print);
      if (details.attempts.length < 2) return;
      print.heading('Attempts');
      print.table(
        ['ATTEMPT', 'STATUS', 'STARTED', 'TOOK', 'OWNER', 'ERROR'],
        details.attempts.map((run) => [
          run.attempt,
          run.status,
          print.time(run.startedAt),
          tookOf(run),
          run.owner,
          run.error && `${run.error.name}: ${run.error.message}`,
        ]),
        '',
      );
    });
  },
});

export const cancel = defineCommand<InStore & { reason?: string }>({
  name: 'cancel',
  summary: 'abort a run on any node, or end one that waits',
  args: [['<run>', 'the id of the run']],
  options: [IN_STORE_OF_RUN, REASON],
  role: 'client',
  async run({ operations, args: [runId], options }) {
    await operations.cancelRun({ runId: runId!, ...given({ store: options.in, reason: options.reason }) });
    return answer({ runId: runId! }, (print) => print.line(`Asked to cancel ${runId!}.`));
  },
});

export const redrive = defineCommand<
  RunFilterOptions & { reason?: string; yes?: boolean; dryRun?: boolean; limit?: number; cursor?: string }
>({
  name: 'redrive',
  summary: 'give a dead run one more attempt, or all that meet a filter',
  args: [['[run]', 'the id of the run; without it, a filter says which runs']],
  options: [
    ...RUN_FILTER,
    { flags: '--limit <n>', description: 'how many at the most (1000)', parse: count('--limit', 1, 1_000) },
    { flags: '--cursor <cursor>', description: 'the "next" of the redrive before' },
    REASON,
    { flags: '--dry-run', description: 'with a filter: only count the runs' },
    YES,
  ],
  role: ({ dryRun }) => (dryRun ? 'observer' : 'client'),
  async run({ operations, args: [runId], options, io }) {
    const { reason, yes, dryRun = false, limit, cursor, in: store } = options;
    const filter = { ...runFilterOf(options, io.now()), ...given({ cursor }) };
    const { store: _store, ...conditions } = filter;
    const [condition] = Object.keys(conditions);
    if (runId !== undefined) {
      if (condition !== undefined) throw new UsageError(`Give the id of a run or a filter, not both (${condition})`);
      if (dryRun) throw new UsageError('--dry-run counts the runs of a filter; see run-info instead');
      await operations.redriveRun({ runId, ...given({ store, reason }) });
      return answer({ runId }, (print) => print.line(`${runId} gets one more attempt.`));
    }
    if (condition === undefined) throw new UsageError('Give the id of a run, or a filter such as --task or --from');
    const counted = await operations.redriveRuns({ filter, dryRun: true, ...given({ limit }) });
    const matching = 'matching' in counted ? counted.matching : counted.redriven;
    if (dryRun) return answer({ matching }, (print) => print.line(`${matching} runs would get one more attempt.`));
    if (matching > 0) await confirm(io, yes, `Give ${matching} runs one more attempt?`);
    const result = await operations.redriveRuns({ filter, ...given({ limit, reason }) });
    return answer(result, (print) => {
      if (!('redriven' in result)) return;
      print.fields({ redriven: result.redriven, refused: result.refusedCount });
      for (const { runId: refused, message } of result.refused) print.line(`${refused}: ${message}`);
      if (result.next !== null) print.line(`There are more: --cursor ${result.next}`);
    });
  },
});

function showRun(run: Shown, print: Printer): void {
  const { id, taskId, handler, status, source, attempt, owner } = run;
  const start = {
    run: id,
    task: taskId,
    handler,
    status,
    source,
    attempt,
    owner,
    scheduled: print.time(run.scheduledTime),
    started: print.time(run.startedAt),
  };
  const request = run.request && [run.request.actor ?? 'somebody', run.request.reason].filter(Boolean).join(': ');
  const asked = {
    'asked for by': request ?? undefined,
    'cancelled by': run.cancel
      ? [run.cancel.actor ?? 'somebody', run.cancel.reason].filter(Boolean).join(': ')
      : undefined,
  };
  if (!isEnded(run)) return print.fields({ ...start, lease: print.time(run.leaseUntil), ...asked });
  print.fields({
    ...start,
    ended: print.time(run.endedAt),
    took: tookOf(run),
    dead: run.dead ? 'yes: redrive gives it one more attempt' : undefined,
    ...asked,
    ...(run.error === null && { result: terminalJson(run.result ?? null) }),
  });
  for (let error = run.error, label = 'Error'; error; error = error.cause, label = 'Caused by') {
    print.heading(label);
    print.block(error.stack ?? `${error.name}: ${error.message}`);
  }
}

function isEnded(run: Shown): run is Ended {
  return run.status !== 'waiting' && run.status !== 'running';
}

function tookOf({ startedAt, endedAt }: Ended): string | null {
  return startedAt === null ? null : shownDuration(Date.parse(endedAt) - Date.parse(startedAt));
}
