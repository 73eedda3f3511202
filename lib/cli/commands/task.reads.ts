import type { Serialized } from '../../client/serialized.js';
import type { AnyTaskInfo, TaskInfo } from '../../scheduler/tasks/task.info.js';
import { DEFAULT_POLICIES } from '../../model/task.policies.js';
import { TASK_SORT_KEYS } from '../../model/query.js';
import type { TaskSortKey } from '../../model/query.js';
import { answer, defineCommand } from '../command.spec.js';
import type { Printer } from '../output/printer.js';
import { terminalJson } from '../output/terminal.text.js';
import { count, FILTER, filterOf, given, IN_STORE } from './input.options.js';
import type { FilterOptions, InStore } from './input.options.js';

type Shown = Serialized<AnyTaskInfo>;
type Readable = Serialized<TaskInfo>;

export const list = defineCommand<
  FilterOptions & { sortBy?: TaskSortKey; desc?: boolean; offset?: number; limit?: number }
>({
  name: 'list',
  summary: 'list tasks, by their next run',
  role: 'observer',
  options: [
    ...FILTER,
    { flags: '--sort-by <field>', description: 'what they are sorted by', choices: TASK_SORT_KEYS },
    { flags: '--desc', description: 'the last ones first' },
    { flags: '--offset <n>', description: 'how many to leave out at the front', parse: count('--offset', 0, 1e9) },
    { flags: '--limit <n>', description: 'how many at the most (100)', parse: count('--limit', 1, 1_000) },
  ],
  async run({ operations, options }) {
    const { sortBy, desc: descending, offset, limit = 100 } = options;
    const page = await operations.listTasks({ ...filterOf(options), limit, ...given({ sortBy, descending, offset }) });
    return answer(page, (print) => {
      print.table(
        ['ID', 'STATE', 'TRIGGER', 'NEXT RUN', 'LAST RUN', 'HANDLER', 'STORE'],
        page.tasks.map((task) => rowOf(task, print)),
        'No task.',
      );
      if (page.total > page.tasks.length) print.line(`${page.tasks.length} of ${page.total} tasks`);
    });
  },
});

export const show = defineCommand<InStore>({
  name: 'show',
  summary: 'show a task',
  args: [['<id>', 'the id of the task']],
  options: [IN_STORE],
  role: 'observer',
  async run({ operations, args: [id], options }) {
    const task = await operations.getTask({ id: id!, ...given({ store: options.in }) });
    return answer(task, (print) => showTask(task, print));
  },
});

export const preview = defineCommand<InStore & { count?: number }>({
  name: 'preview',
  summary: 'show when a task will run',
  args: [['<id>', 'the id of the task']],
  options: [IN_STORE, { flags: '--count <n>', description: 'how many runs (5)', parse: count('--count', 1, 1_000) }],
  role: 'observer',
  async run({ operations, args: [id], options }) {
    const shown = await operations.previewTask({ id: id!, ...given({ store: options.in, count: options.count }) });
    return answer(shown, (print) => {
      print.line(`${shown.task.id}: ${shown.task.triggerDescription}`);
      const rows = shown.runs.map(({ runTime, dst, movedByCalendar }) => [
        print.time(runTime),
        [dst && `clock change (${dst})`, movedByCalendar && `moved by ${movedByCalendar}`].filter(Boolean).join(', '),
      ]);
      print.table(['RUN', 'NOTE'], rows, 'It will not run any more.');
      if (rows.length > 0 && shown.exhausted) print.line('Nothing follows.');
    });
  },
});

export const timeline = defineCommand<FilterOptions & { perTask?: number; limit?: number }>({
  name: 'timeline',
  summary: 'show the next runs of all tasks, by time',
  options: [
    ...FILTER,
    { flags: '--per-task <n>', description: 'how many runs of each task (3)', parse: count('--per-task', 1, 10) },
    { flags: '--limit <n>', description: 'how many runs in all (100)', parse: count('--limit', 1, 500) },
  ],
  role: 'observer',
  async run({ operations, options }) {
    const { perTask, limit } = options;
    const shown = await operations.getTimeline({ ...filterOf(options), ...given({ perTask, limit }) });
    return answer(shown, (print) => {
      const rows = shown.runs.map((run) => [print.time(run.runTime), run.taskId, run.handler, run.store]);
      print.table(['RUN', 'TASK', 'HANDLER', 'STORE'], rows, 'Nothing is to run.');
      for (const { taskId, message } of shown.failed) print.line(`${taskId}: ${message}`);
      if (shown.total > shown.tasks) print.line(`Of ${shown.tasks} of ${shown.total} tasks`);
    });
  },
});

export const unreadable = defineCommand<InStore & { limit?: number }>({
  name: 'unreadable',
  summary: 'list the records that cannot be read, and why',
  options: [
    { flags: '--in <alias>', description: 'of this store' },
    { flags: '--limit <n>', description: 'how many at the most (100)', parse: count('--limit', 1, 1_000) },
  ],
  role: 'observer',
  async run({ operations, options }) {
    const records = await operations.listUnreadable(given({ store: options.in, limit: options.limit }));
    return answer(records, (print) =>
      print.table(
        ['ID', 'STORE', 'REASON', 'MESSAGE'],
        records.map(({ id, store, unreadable, message }) => [id, store, unreadable, message]),
        'Every record can be read.',
      ),
    );
  },
});

/** A task in full. */
export function showTask(task: Shown, print: Printer): void {
  if (isUnreadable(task)) {
    const { id, store, state, unreadable, message, handler } = task;
    return print.fields({ id, store, state, reason: unreadable, message, handler });
  }
  print.fields({
    id: task.id,
    name: task.name,
    state: task.state,
    handler: task.handler,
    ...(task.data === null ? { args: terminalJson(task.args) } : { data: terminalJson(task.data) }),
    trigger: task.triggerDescription,
    'next run': print.time(task.nextRunTime),
    'last run': lastRunOf(task, print),
    store: task.store,
    executor: task.executor,
    tags: task.tags.join(', '),
    origin: task.origin,
    ...(task.pause && {
      paused: `${print.time(task.pause.at)} by ${task.pause.byCode ? 'the code' : (task.pause.actor ?? 'somebody')}`,
      'pause reason': task.pause.reason,
    }),
    ...(task.problem && { problem: `${task.problem.code}: ${task.problem.message}` }),
    failures: task.failuresInARow === 0 ? undefined : `${task.failuresInARow} in a row`,
    added: print.time(task.createdAt),
    changed: print.time(task.updatedAt),
    version: task.version,
    policies: policiesOf(task),
  });
  if (task.live.length === 0) return;
  print.heading('Runs under way');
  print.table(
    ['RUN', 'STATUS', 'ATTEMPT', 'SCHEDULED', 'STARTED', 'OWNER'],
    task.live.map((run) => [
      run.id,
      run.status,
      run.attempt,
      print.time(run.scheduledTime),
      print.time(run.startedAt),
      run.owner,
    ]),
    '',
  );
}

function rowOf(task: Shown, print: Printer) {
  if (isUnreadable(task)) return [task.id, task.state, '', '', '', task.handler, task.store];
  const { id, state, triggerDescription, nextRunTime, handler, store } = task;
  return [id, state, triggerDescription, print.time(nextRunTime), lastRunOf(task, print), handler, store];
}

/** The policies that are not as they are by default. */
function policiesOf({ policies }: Readable): string | undefined {
  const own = Object.entries(policies).filter(
    ([name, value]) => terminalJson(value) !== terminalJson(DEFAULT_POLICIES[name as keyof typeof DEFAULT_POLICIES]),
  );
  return own.length === 0 ? undefined : own.map(([name, value]) => `${name} ${terminalJson(value)}`).join(', ');
}

function lastRunOf({ lastRun }: Readable, print: Printer): string | null {
  return lastRun && `${lastRun.status} ${print.time(lastRun.endedAt)}`;
}

function isUnreadable(task: Shown): task is Exclude<Shown, Readable> {
  return task.state === 'unreadable';
}
