import type { RunOutputEvent, RunOutputInfo } from '../../scheduler/tasks/run.outputs.js';
import { answer, defineCommand } from '../command.spec.js';
import type { InStore } from './input.options.js';
import type { Printer } from '../output/printer.js';
import { terminalJson } from '../output/terminal.text.js';
import { given } from './input.options.js';
import { localScheduler } from './local.scheduler.js';

type Line = RunOutputInfo['lines'][number];

export const logs = defineCommand<InStore & { follow?: boolean }>({
  name: 'logs',
  summary: 'print what a run has logged, and its progress',
  args: [['<run>', 'the id of the run']],
  options: [
    { flags: '--in <alias>', description: 'the store of its task' },
    { flags: '-f, --follow', description: 'go on until the run has ended; with --json, one value a line' },
  ],
  role: 'observer',
  async run({ scheduler: local, args: [runId], options, io }) {
    const scheduler = localScheduler(local, 'logs');
    const store = given({ store: options.in });
    if (options.follow) {
      const items = scheduler.followRunOutput(runId!, { ...store, signal: io.signal });
      return { items, text: (print, item) => showEvent(item as RunOutputEvent, print) };
    }
    const attempts = await scheduler.getRunOutput(runId!, store);
    return answer(attempts, (print) => {
      if (attempts.length === 0) print.line('Nothing is kept of this run.');
      for (const { attempt, status, lines, dropped, progress } of attempts) {
        if (attempts.length > 1) print.heading(`Attempt ${attempt}: ${status}`);
        if (dropped > 0) print.line(`(${dropped} older lines are not kept)`);
        for (const line of lines) showLine(line, print);
        if (progress !== null) print.line(`Progress: ${terminalJson(progress.value ?? null)}`);
      }
    });
  },
});

function showEvent(event: RunOutputEvent, print: Printer): void {
  if (event.type === 'line') return showLine(event.line, print);
  if (event.type === 'dropped') return print.line(`(${event.count} lines are not kept)`);
  if (event.type === 'progress') return print.line(`Progress: ${terminalJson(event.progress.value ?? null)}`);
  print.line(`Attempt ${event.attempt} ${event.status}`);
}

function showLine({ time, level, message, stack }: Line, print: Printer): void {
  print.line(`${time.toISOString()} ${level.toUpperCase()} ${message}`);
  if (stack) print.block(stack);
}
