import type { EventMessage } from '../../client/operation.results.js';
import { UsageError } from '../cli.errors.js';
import { defineCommand } from '../command.spec.js';
import type { Printer } from '../output/printer.js';
import { terminalJson } from '../output/terminal.text.js';
import { given } from './input.options.js';

interface EventOptions {
  readonly name?: string;
  readonly task?: string;
  readonly handler?: string;
  readonly tag?: string;
  readonly in?: string;
}

export const events = defineCommand<EventOptions>({
  name: 'events',
  summary: 'follow the events of the application at --url, until Ctrl-C',
  options: [
    { flags: '--name <names>', description: 'only events of these names, parted by commas' },
    { flags: '--task <id>', description: 'events of this task' },
    { flags: '--handler <name>', description: 'events of tasks of this handler' },
    { flags: '--tag <tag>', description: 'events of tasks with this tag' },
    { flags: '--in <alias>', description: 'events of tasks of this store' },
    { flags: '-f, --follow', description: 'as without it: there is nothing but what comes' },
  ],
  details: 'They are those of the process that answers. With --json, each is a line.',
  role: 'observer',
  async run({ operations, scheduler, options, io }) {
    if (scheduler !== null) throw new UsageError('events follows a running application: give --url');
    const { name: names, task: taskId, handler, tag, in: store } = options;
    const items = operations.streamEvents(given({ names, taskId, handler, tag, store }), { signal: io.signal });
    return { items, text: (print, item) => showEvent(item as EventMessage, print) };
  },
});

function showEvent({ name, time, scheduler: _scheduler, ...fields }: EventMessage, print: Printer): void {
  const said = Object.entries(fields).map(([field, value]) => `${field}=${terminalJson(value ?? null)}`);
  print.line(`${time} ${name} ${said.join(' ')}`);
}
