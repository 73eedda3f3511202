import type { CopyOptions, MaintenanceProgress } from '../../scheduler/tasks/store.maintenance.js';
import { UsageError } from '../cli.errors.js';
import type { CliIo } from '../cli.io.js';
import { answer, defineCommand } from '../command.spec.js';
import { confirm } from './confirm.js';
import { given, YES } from './input.options.js';
import { localScheduler } from './local.scheduler.js';

const DIALECTS = ['postgres', 'mysql', 'mariadb', 'sqlite'] as const;

export const schema = defineCommand<{ tablePrefix?: string; schema?: string }>({
  name: 'schema',
  summary: 'print the SQL that makes the tables of a database, for a DBA',
  args: [['<dialect>', DIALECTS.join(', ')]],
  options: [
    { flags: '--table-prefix <name>', description: 'what the names of the tables begin with (asyncz)' },
    { flags: '--schema <name>', description: 'the schema of the tables; on MySQL the database' },
  ],
  role: 'none',
  async run({ args: [dialect], options }) {
    const known = DIALECTS.find((one) => one === dialect);
    if (known === undefined)
      throw new UsageError(`schema knows ${DIALECTS.join(', ')}, and not ${JSON.stringify(dialect)}`);
    const { generateSchemaSql } = await import('../../stores/typeorm/index.js');
    const statements = generateSchemaSql(known, given({ tableName: options.tablePrefix, schema: options.schema }));
    return answer({ dialect: known, statements }, (print) => {
      for (const statement of statements) print.block(`${statement};`);
    });
  },
});

export const migrate = defineCommand({
  name: 'migrate',
  summary: 'make the tables, indexes and folders that the stores need and do not have',
  details: 'A store that is told to make none (createSchema: false) is left alone: see asyncz schema.',
  role: 'client',
  async run({ operations }) {
    // What is missing was made when they were opened.
    const stores = (await operations.listStores()).map(({ store, state }) => ({ store, state }));
    return answer(stores, (print) =>
      print.table(
        ['STORE', 'STATE'],
        stores.map(({ store, state }) => [store, state]),
        'No store.',
      ),
    );
  },
});

export const rotate = defineCommand<{ after?: string }>({
  name: 'rotate',
  summary: 'encrypt every record of a store again under the first key',
  args: [['[alias]', 'the store (default)']],
  options: [{ flags: '--after <id>', description: 'go on after this task, where a rotation was interrupted' }],
  role: 'client',
  async run(context) {
    const [alias = 'default'] = context.args;
    const progress = await localScheduler(context.scheduler, 'rotate').rotateEncryption(alias, {
      ...given({ after: context.options.after }),
      onProgress: reporter(context.io),
    });
    return answer({ store: alias, ...progress }, (print) => print.fields({ ...progress }));
  },
});

export const copy = defineCommand<{ after?: string; move?: boolean; yes?: boolean }>({
  name: 'copy',
  summary: 'copy the tasks and runs of one store to another',
  args: [
    ['<from>', 'the alias of the store to copy from'],
    ['<to>', 'the alias of the store to copy to'],
  ],
  options: [
    { flags: '--move', description: 'remove each task from the first store when it is in the other' },
    { flags: '--after <id>', description: 'go on after this task, where a copy was interrupted' },
    YES,
  ],
  details: '  $ asyncz copy default new --store default=redis://old --store new=postgres://db/app --move',
  role: 'client',
  async run(context) {
    const [from, to] = context.args;
    const { after, move, yes } = context.options;
    const scheduler = localScheduler(context.scheduler, 'copy');
    if (move) await confirm(context.io, yes, `Move all tasks from ${from!} to ${to!}, and remove them from ${from!}?`);
    const options: CopyOptions = { ...given({ after, move }), onProgress: reporter(context.io) };
    const result = await scheduler.copyTasks(from!, to!, options);
    return answer({ from, to, ...result }, (print) => {
      const { skipped, ...progress } = result;
      print.fields({ ...progress, skipped: skipped.length });
      for (const id of skipped) print.line(`${id} is in ${to!} already, and was left as it is`);
    });
  },
});

/** Says on a terminal how far long work is: one line that is written over. */
function reporter({ err, confirm: terminal }: CliIo): (progress: MaintenanceProgress) => void {
  if (terminal === null) return () => {};
  return ({ tasks, runs, unreadable }) => err(`\r${tasks} tasks, ${runs} runs, ${unreadable} unreadable\u001b[K`);
}
