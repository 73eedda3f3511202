import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { DeployEntry, DeployPlan } from '../../scheduler/tasks/deploy.info.js';
import type { Scheduler } from '../../scheduler/scheduler.js';
import { EXIT, UsageError } from '../cli.errors.js';
import { answer, defineCommand } from '../command.spec.js';
import type { CommandContext } from '../command.spec.js';
import type { Printer } from '../output/printer.js';
import { confirm } from './confirm.js';
import { given, YES } from './input.options.js';

/** The largest file that is read as a plan, in characters. */
const MAX_PLAN = 64 * 1024 * 1024;

export const plan = defineCommand<{ out?: string; check?: boolean }>({
  name: 'plan',
  summary: 'compare the tasks of the code with the stores: what a deploy would do',
  options: [
    { flags: '--out <file>', description: 'write the plan to a file, which apply takes' },
    { flags: '--check', description: 'exit code 5 if a deploy would change something' },
  ],
  details: `It needs --app: the application says which tasks there are.

  $ asyncz plan --app dist/app.module.js --out plan.json
  $ asyncz apply plan.json --app dist/app.module.js --yes`,
  role: 'observer',
  async run(context) {
    const { out, check = false } = context.options;
    const made = await schedulerOfCode(context, 'plan').planDeploy();
    if (out !== undefined) await writeFile(resolve(context.io.cwd, out), `${JSON.stringify(made, null, 2)}\n`);
    return answer(made, (print) => showPlan(made, print), check && made.pending > 0 ? EXIT.refused : EXIT.ok);
  },
});

export const apply = defineCommand<{ timeout?: string; yes?: boolean }>({
  name: 'apply',
  summary: 'do what a plan says, and nothing else; exit code 4 if the stores have moved on since',
  args: [['[plan]', 'the file that plan --out wrote; without it, a plan is made and shown']],
  options: [{ flags: '--timeout <duration>', description: 'how long to wait for runs of renamed tasks (30s)' }, YES],
  role: 'client',
  async run(context) {
    const { args, options, io } = context;
    const scheduler = schedulerOfCode(context, 'apply');
    const [file] = args;
    const wanted = file === undefined ? await scheduler.planDeploy() : await readPlan(resolve(io.cwd, file));
    if (file === undefined && wanted.pending > 0) {
      await confirm(io, options.yes, `${linesOf(wanted).join('\n')}\nApply ${wanted.pending} changes?`);
    }
    const result = await scheduler.applyDeploy(wanted, given({ timeout: options.timeout }));
    return answer(
      result,
      (print) => {
        print.line(`${result.applied} applied, ${result.unchanged} were so already.`);
        for (const id of result.waiting) print.line(`${id} waits for a run of its old id: apply the plan again`);
      },
      result.waiting.length > 0 ? EXIT.failure : EXIT.ok,
    );
  },
});

/** @throws UsageError Without the application: all of its tasks would look as if the code no longer had them. */
function schedulerOfCode(
  { scheduler, hasCode }: CommandContext<never> | CommandContext<object>,
  command: string,
): Scheduler {
  if (scheduler !== null && hasCode) return scheduler;
  throw new UsageError(
    `${command} compares the code of the application with its stores: give --app dist/app.module.js`,
  );
}

async function readPlan(file: string): Promise<DeployPlan> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new UsageError(`The plan ${file} cannot be read: ${(error as Error).message}`, { cause: error });
  });
  if (text.length > MAX_PLAN) throw new UsageError(`${file} is too large to be a plan`);
  try {
    return JSON.parse(text) as DeployPlan;
  } catch (error) {
    throw new UsageError(`${file} is no plan: ${(error as Error).message}`, { cause: error });
  }
}

function showPlan(made: DeployPlan, print: Printer): void {
  const rows = made.entries.map((entry) => [
    entry.kind,
    entry.taskId,
    entry.action,
    detailsOf(entry),
    movedOf(entry, print),
    entry.store,
  ]);
  print.table(['FOUND', 'TASK', 'ACTION', 'DIFFERENCE', 'NEXT RUN', 'STORE'], rows, 'The stores are as the code says.');
  if (made.omitted > 0) print.line(`${made.omitted} more orphans`);
  if (rows.length > 0) print.line(`${made.pending} of ${rows.length} would be changed.`);
}

function linesOf(made: DeployPlan): readonly string[] {
  return made.entries
    .filter(({ action }) => action !== 'none')
    .map((entry) => `${entry.action} ${entry.taskId} ${detailsOf(entry)}`.trim());
}

function detailsOf({ fields, holds, storedId, unreadable }: DeployEntry): string {
  const changes = fields.map(({ field, before, after }) =>
    after === null ? field : `${field}: ${before ?? 'none'} -> ${after}`,
  );
  return [
    ...(storedId === null ? [] : [`was ${storedId}`]),
    ...holds,
    ...changes,
    ...(unreadable ? [unreadable] : []),
  ].join('; ');
}

function movedOf({ nextRunBefore, nextRunAfter }: DeployEntry, print: Printer): string {
  if (nextRunBefore === nextRunAfter || nextRunBefore === null) return print.time(nextRunAfter);
  return `${print.time(nextRunBefore)} -> ${print.time(nextRunAfter)}`;
}
