import type { TaskFilterInput } from '../../client/operation.inputs.js';
import type { Duration } from '../../model/duration.js';
import { EXIT, UsageError } from '../cli.errors.js';
import { answer, defineCommand } from '../command.spec.js';
import type { Answer, CommandContext, OptionSpec } from '../command.spec.js';
import type { Printer } from '../output/printer.js';
import { shownDuration } from '../output/times.js';
import { terminalJson } from '../output/terminal.text.js';
import { confirm } from './confirm.js';
import { FILTER, filterOf, futureTime, given, REASON, YES } from './input.options.js';
import type { FilterOptions } from './input.options.js';

/** Options of what is done to one task, or to all that meet a filter. */
interface ControlOptions extends FilterOptions {
  readonly reason?: string;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

const CONTROL: readonly OptionSpec[] = [
  ...FILTER,
  REASON,
  { flags: '--dry-run', description: 'with a filter: only count the tasks' },
  YES,
];

const ID = [['[id]', 'the id of the task; without it, a filter says which tasks']] as const;

const roleOf = ({ dryRun }: ControlOptions) => (dryRun ? 'observer' : 'client');

type Context = CommandContext<ControlOptions>;

/** How something is done to one task, and to many. */
interface Control {
  /** The imperative of it: `Pause`. */
  readonly verb: string;
  readonly one: (input: { id: string; store?: string; reason?: string }) => Promise<Answer>;
  readonly many: (input: { filter: TaskFilterInput; reason?: string }) => Promise<unknown>;
}

/** Does it to the task of the id, or to those of the filter once somebody has agreed to their number. @throws UsageError */
async function control(
  { args: [id], options, operations, io }: Context,
  { verb, one, many }: Control,
): Promise<Answer> {
  const { reason, yes, dryRun = false, in: store } = options;
  const filter = filterOf(options);
  const { store: _store, ...conditions } = filter;
  if (id !== undefined) {
    const [condition] = Object.keys(conditions);
    if (condition !== undefined) throw new UsageError(`Give the id of a task or a filter, not both (${condition})`);
    if (dryRun) throw new UsageError('--dry-run counts the tasks of a filter; show the task instead');
    return one({ id, ...given({ store, reason }) });
  }
  if (Object.keys(conditions).length === 0) throw new UsageError('Give the id of a task, or a filter such as --tag');
  const { matching } = await operations.countTasks(filter);
  if (dryRun) return answer({ matching }, (print) => print.line(`${tasks(matching)} would be changed.`));
  if (matching > 0) await confirm(io, yes, `${verb} ${tasks(matching)}?`);
  const result = await many({ filter, ...given({ reason }) });
  return answer(result, (print) => print.fields(result as Record<string, number>));
}

function tasks(count: number): string {
  return count === 1 ? '1 task' : `${count} tasks`;
}

export const pause = defineCommand<ControlOptions & { until?: string }>({
  name: 'pause',
  summary: 'pause a task, or all that meet a filter',
  args: ID,
  options: [
    ...CONTROL,
    { flags: '--until <time>', description: 'when the pause ends by itself: ISO 8601, or a duration such as 2h' },
  ],
  details: `  $ asyncz pause nightly --reason 'the provider is down' --until 2h
  $ asyncz pause --tag billing`,
  role: roleOf,
  run(context) {
    const { operations, options, io } = context;
    const until = given({ until: futureTime(options.until, io.now()) });
    return control(context, {
      verb: 'Pause',
      one: async (input) => {
        const task = await operations.pauseTask({ ...input, ...until });
        return answer(task, (print) => print.line(`Paused ${task.id}.`));
      },
      many: (input) => operations.pauseTasks({ ...input, ...until }),
    });
  },
});

export const resume = defineCommand<ControlOptions>({
  name: 'resume',
  summary: 'end the pause of a task, or of all that meet a filter',
  args: ID,
  options: CONTROL,
  role: roleOf,
  run(context) {
    const { operations } = context;
    return control(context, {
      verb: 'Resume',
      one: async (input) => {
        const task = await operations.resumeTask(input);
        const text =
          task === null
            ? () => `${input.id} had nothing left to run, and is gone.`
            : (print: Printer) => `Resumed ${task.id}, next run ${print.time(task.nextRunTime)}`;
        return answer(task, (print) => print.line(text(print)));
      },
      many: (input) => operations.resumeTasks(input),
    });
  },
});

export const remove = defineCommand<ControlOptions>({
  name: 'remove',
  summary: 'remove a task, or all that meet a filter',
  args: ID,
  options: CONTROL,
  role: roleOf,
  run(context) {
    const { operations } = context;
    return control(context, {
      verb: 'Remove',
      one: async (input) => {
        const task = await operations.deleteTask(input);
        return answer(task, (print) => print.line(`Removed ${task.id}.`));
      },
      many: (input) => operations.deleteTasks(input),
    });
  },
});

export const run = defineCommand<ControlOptions & { wait?: boolean; timeout?: string }>({
  name: 'run',
  summary: 'run a task now, on any node that has its handler',
  args: ID,
  options: [
    ...CONTROL,
    {
      flags: '--wait',
      description: 'wait for the end of the run; its result is the output, and its end the exit code',
    },
    { flags: '--timeout <duration>', description: 'how long to wait at the most (30s)' },
  ],
  role: roleOf,
  run(context) {
    const { operations, options } = context;
    const { wait, timeout } = options;
    return control(context, {
      verb: 'Run',
      one: async (input) => {
        const { runId, run: ended } = await operations.runTask({
          ...input,
          ...given({ wait, timeout: timeout as Duration | undefined }),
        });
        if (ended === null) return answer({ runId, run: null }, (print) => print.line(runId));
        const { status, result, error, startedAt, endedAt } = ended;
        return answer(
          { runId, run: ended },
          (print) => {
            if (status === 'succeeded') return print.block(terminalJson(result ?? null, 2));
            const took =
              startedAt === null ? '' : ` after ${shownDuration(Date.parse(endedAt) - Date.parse(startedAt))}`;
            print.line(`The run ${status}${took}${error ? `: ${error.name}: ${error.message}` : ''}`);
          },
          status === 'succeeded' ? EXIT.ok : EXIT.failure,
        );
      },
      many: (input) => operations.runTasks(input),
    });
  },
});
