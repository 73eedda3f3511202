import { once } from 'node:events';
import { VERSION } from '../../version.js';
import { UsageError } from '../cli.errors.js';
import { answer, defineCommand } from '../command.spec.js';

export const version = defineCommand({
  name: 'version',
  summary: 'print the version of nestjs-asyncz',
  role: 'none',
  run: async () => answer({ version: VERSION, node: process.version }, (print) => print.line(VERSION)),
});

export const worker = defineCommand({
  name: 'worker',
  summary: "run the application's tasks without its HTTP server, until it is told to stop",
  details: 'It needs --app. Ctrl-C or SIGTERM stops it: runs under way are waited for as with the application itself.',
  role: 'worker',
  async run({ scheduler, io }) {
    if (scheduler === null)
      throw new UsageError('A worker needs the handlers of an application: give --app dist/app.module.js');
    const { identity } = scheduler;
    if (!io.signal.aborted) await once(io.signal, 'abort');
    return answer({ identity, stopped: true }, () => {});
  },
});
