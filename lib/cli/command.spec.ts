import type { AsynczOperations } from '../client/operations.js';
import type { SchedulerRole } from '../scheduler/scheduler.options.js';
import type { Scheduler } from '../scheduler/scheduler.js';
import type { CliIo } from './cli.io.js';
import type { ExitCode } from './cli.errors.js';
import type { Printer } from './output/printer.js';

/** An option of a command. */
export interface OptionSpec {
  /** As commander takes it, such as `--tag <tag>`. */
  readonly flags: string;
  readonly description: string;
  readonly choices?: readonly string[];
  /** Reads its text; of an option that may be repeated, `previous` is what it was read as so far. */
  readonly parse?: (text: string, previous: unknown) => unknown;
}

/** Where the tasks are that a command works on. */
export interface Target {
  readonly operations: AsynczOperations;
  /** The scheduler in this process; null over HTTP. */
  readonly scheduler: Scheduler | null;
  /** Whether it has the code of the application, and so its handlers and declared tasks. */
  readonly hasCode: boolean;
  /** Leaves what was opened. */
  close(): Promise<void>;
}

/** What a command is run with. */
export interface CommandContext<Options> {
  /** Its arguments; one that is optional and was left out is undefined. */
  readonly args: readonly (string | undefined)[];
  readonly options: Options;
  readonly io: CliIo;
  /** Whether the answer is to be JSON. */
  readonly isJson: boolean;
  readonly operations: AsynczOperations;
  /** The scheduler in this process; null over HTTP. */
  readonly scheduler: Scheduler | null;
  /** Whether it has the code of the application, and so its handlers and declared tasks. */
  readonly hasCode: boolean;
}

/** The answer of a command: once as data, and once for people. */
export interface Answer {
  readonly json: unknown;
  readonly text: (print: Printer) => void;
  /** @default 0 */
  readonly exit?: ExitCode;
}

/** An answer that goes on: each of its items as data and for people. */
export interface Stream {
  readonly items: AsyncIterable<unknown>;
  readonly text: (print: Printer, item: unknown) => void;
}

/** A command, as the program is made of it. */
export interface CommandSpec<Options = never> {
  readonly name: string;
  readonly summary: string;
  /** As commander takes them: `<id>`, `[id]`, with what each is. */
  readonly args?: readonly (readonly [string, string])[];
  readonly options?: readonly OptionSpec[];
  /** Examples and rules below the help. */
  readonly details?: string;
  /**
   * What the scheduler in this process is for the command: an observer for all that only reads. `none`: the command needs no tasks.
   */
  readonly role: SchedulerRole | 'none' | ((options: Options) => SchedulerRole);
  readonly run: (context: CommandContext<Options>) => Promise<Answer | Stream>;
}

/** Has the compiler see what a command does with its options, and forgets it for the list of all commands. */
export function defineCommand<Options>(spec: CommandSpec<Options>): CommandSpec {
  return spec as unknown as CommandSpec;
}

/** Collects an option that may be repeated. */
export function repeated(text: string, previous: unknown): readonly string[] {
  return [...((previous as readonly string[] | undefined) ?? []), text];
}

/** An answer: its data, and how people read it. */
export function answer(json: unknown, text: (print: Printer) => void, exit?: ExitCode): Answer {
  return { json, text, ...(exit !== undefined && { exit }) };
}
