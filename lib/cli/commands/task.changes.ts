import type { TaskChangesInput } from '../../client/operation.inputs.js';
import { UsageError } from '../cli.errors.js';
import { answer, defineCommand } from '../command.spec.js';
import { terminalJson } from '../output/terminal.text.js';
import { confirm } from './confirm.js';
import {
  DEFINITION,
  definitionOf,
  futureTime,
  given,
  IN_STORE,
  REASON,
  TRIGGER,
  triggerOf,
  YES,
} from './input.options.js';
import type { DefinitionOptions, InStore, TriggerOptions } from './input.options.js';

interface Reason {
  readonly reason?: string;
}

export const add = defineCommand<
  DefinitionOptions & TriggerOptions & { id?: string; in?: string; delay?: string; paused?: boolean; replace?: boolean }
>({
  name: 'add',
  summary: 'add a task',
  args: [['<handler>', 'the name of the handler that runs']],
  options: [
    { flags: '--id <id>', description: 'its id; a UUID when left out' },
    ...TRIGGER,
    { flags: '--delay <duration>', description: 'once, so long from now' },
    ...DEFINITION,
    { flags: '--in <alias>', description: 'the store that keeps it (default)' },
    { flags: '--paused', description: 'add it paused' },
    { flags: '--replace', description: 'replace a task of the same id' },
  ],
  details: `Without a trigger it runs once, now.

  $ asyncz add reports.send --id nightly --cron '0 3 * * *' --timezone Europe/Berlin --args '["all"]'`,
  role: 'client',
  async run({ operations, args: [handler], options }) {
    const { id, in: store, delay, paused, replace: replaceExisting } = options;
    const task = await operations.addTask({
      handler: handler!,
      ...definitionOf(options),
      ...given({ id, store, delay, paused, replaceExisting, trigger: triggerOf(options) }),
    });
    return answer(task, (print) => {
      print.line(`Added ${task.id}: ${task.triggerDescription}, next run ${print.time(task.nextRunTime)}`);
    });
  },
});

export const update = defineCommand<
  DefinitionOptions & TriggerOptions & InStore & Reason & { handler?: string; yes?: boolean; dryRun?: boolean }
>({
  name: 'update',
  summary: 'change a task, and show what that changes',
  args: [['<id>', 'the id of the task']],
  options: [
    ...TRIGGER,
    { flags: '--handler <name>', description: 'the handler that runs' },
    ...DEFINITION,
    IN_STORE,
    REASON,
    { flags: '--dry-run', description: 'show the difference, and change nothing' },
    YES,
  ],
  role: ({ dryRun }) => (dryRun ? 'observer' : 'client'),
  async run({ operations, args: [id], options, io }) {
    const { in: store, reason, handler, dryRun = false, yes } = options;
    const changes = { ...definitionOf(options), ...given({ handler, trigger: triggerOf(options) }) };
    if (Object.keys(changes).length === 0)
      throw new UsageError('update changes nothing without an option such as --name or --set');
    const before = await operations.getTask({ id: id!, ...given({ store }) });
    if (before.state === 'unreadable')
      throw new UsageError(`The record of ${id} cannot be read, so it cannot be changed`);
    const wanted = wantedOf(changes);
    if (dryRun) return result(before, { ...before, ...wanted }, Object.keys(wanted), false);
    const task = before as Extract<typeof before, { version: number }>;
    const lines = differences(task, { ...task, ...wanted }, Object.keys(wanted));
    await confirm(io, yes, `${lines.map(lineOf).join('\n')}\nChange ${id}?`);
    const after = await operations.updateTask({
      id: id!,
      ...(changes as Omit<TaskChangesInput, 'id'>),
      // What was shown is what is changed.
      expectedVersion: task.version,
      store: task.store,
      ...given({ reason }),
    });
    return result(task, after, [...FIELDS], true);
  },
});

export const reschedule = defineCommand<TriggerOptions & InStore & Reason>({
  name: 'reschedule',
  summary: 'give a task another trigger',
  args: [['<id>', 'the id of the task']],
  options: [...TRIGGER, IN_STORE, REASON],
  role: 'client',
  async run({ operations, args: [id], options }) {
    const trigger = triggerOf(options);
    if (trigger === undefined) throw new UsageError('reschedule needs --cron, --every, --at or --trigger-json');
    const task = await operations.rescheduleTask({
      id: id!,
      trigger,
      ...given({ store: options.in, reason: options.reason }),
    });
    return answer(task, (print) => {
      print.line(`${task.id}: ${task.triggerDescription}, next run ${print.time(task.nextRunTime)}`);
    });
  },
});

export const backfill = defineCommand<InStore & Reason & { from: string; to: string }>({
  name: 'backfill',
  summary: 'run a task for each time of its trigger in the past',
  args: [['<id>', 'the id of the task']],
  options: [
    { flags: '--from <time>', description: 'from this time (ISO 8601)' },
    { flags: '--to <time>', description: 'to this time' },
    IN_STORE,
    REASON,
  ],
  role: 'client',
  async run({ operations, args: [id], options, io }) {
    const { from, to, in: store, reason } = options;
    if (from === undefined || to === undefined) throw new UsageError('backfill needs --from and --to');
    const runs = await operations.backfillTask({
      id: id!,
      from: futureTime(from, io.now())!,
      to: futureTime(to, io.now())!,
      ...given({ store, reason }),
    });
    return answer({ id: id!, runs }, (print) => {
      print.line(`${runs.length} runs of ${id} wait for their turn`);
      for (const run of runs) print.line(run);
    });
  },
});

/** What is compared before and after. */
const FIELDS = ['name', 'handler', 'args', 'data', 'trigger', 'executor', 'tags', 'policies', 'nextRunTime'] as const;

type Fields = Readonly<Record<string, unknown>>;

/** The changes as the task has them: policies stand together there. */
function wantedOf({ name, handler, args, data, trigger, executor, tags, ...policies }: Fields): Fields {
  return given({
    name,
    handler,
    args,
    data,
    trigger,
    executor,
    tags,
    ...(Object.keys(policies).length > 0 && policies),
  });
}

interface Difference {
  readonly field: string;
  readonly before: unknown;
  readonly after: unknown;
}

function differences(before: Fields, after: Fields, fields: readonly string[]): readonly Difference[] {
  return fields.flatMap((field) => {
    const was = field in before ? before[field] : ((before.policies as Fields | undefined)?.[field] ?? null);
    const is = after[field] ?? null;
    if (field === 'policies') return differences(was as Fields, is as Fields, Object.keys(is as Fields));
    return terminalJson(was) === terminalJson(is) ? [] : [{ field, before: was, after: is }];
  });
}

function lineOf({ field, before, after }: Difference): string {
  return `${field}: ${terminalJson(before)} -> ${terminalJson(after)}`;
}

function result(before: Fields, after: Fields, fields: readonly string[], applied: boolean) {
  const changes = differences(before, after, fields);
  const json = { id: before.id, store: before.store, applied, changes, task: applied ? after : null };
  return answer(json, (print) => {
    if (changes.length === 0) print.line('Nothing is different.');
    for (const change of changes) print.line(lineOf(change));
    print.line(applied ? `Changed ${String(before.id)}.` : 'Nothing was changed (--dry-run).');
  });
}
