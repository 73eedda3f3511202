import { repeated } from '../command.spec.js';
import type { OptionSpec } from '../command.spec.js';

/** Where the tasks are, and who asks: options that every command has which needs tasks. */
export interface CommonOptions {
  readonly app?: string;
  readonly store?: readonly string[];
  readonly url?: string;
  readonly token?: string;
  readonly config?: string;
  readonly scheduler?: string;
  readonly actor?: string;
  readonly debug?: boolean;
}

export const COMMON: readonly OptionSpec[] = [
  { flags: '--app <file>', description: "the application's compiled module, such as dist/app.module.js" },
  {
    flags: '--store <alias=url>',
    description: 'a store, such as redis://host or sqlite:./tasks.db; may be repeated',
    parse: repeated,
  },
  { flags: '--url <url>', description: 'the HTTP API of the application' },
  { flags: '--token <token>', description: 'the token for it; ASYNCZ_TOKEN keeps it out of the list of processes' },
  { flags: '--config <file>', description: 'the configuration instead of asyncz.config.*' },
  { flags: '--scheduler <name>', description: 'the name of the scheduler whose tasks they are (default)' },
  { flags: '--actor <name>', description: 'who asks, as the records keep it; the user of this machine when left out' },
];
