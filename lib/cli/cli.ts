import { Command, CommanderError, Option } from 'commander';
import { messageOf } from '../errors/thrown.js';
import { codeOf, EXIT, exitCodeOf, InterruptedError } from './cli.errors.js';
import type { ExitCode } from './cli.errors.js';
import type { CliIo } from './cli.io.js';
import type { Answer, CommandSpec, OptionSpec, Stream } from './command.spec.js';
import { COMMON } from './commands/common.options.js';
import type { CommonOptions } from './commands/common.options.js';
import { COMMANDS } from './commands/all.commands.js';
import { Printer } from './output/printer.js';
import { terminalJson, terminalText, withoutSecrets } from './output/terminal.text.js';

/** Options of every command. */
interface Everywhere extends CommonOptions {
  readonly json?: boolean;
}

const EPILOGUE = `
Exit codes: 0 done, 1 failure, 2 wrong use, 3 not found, 4 conflict, 5 refused or unhealthy.`;

/**
 * Runs the command line.
 *
 * @param argv The words behind the name of the program.
 * @returns The exit code. Never rejects.
 */
export async function runCli(argv: readonly string[], io: CliIo): Promise<ExitCode> {
  let exit: ExitCode = EXIT.ok;
  const program = createProgram(io, (code) => (exit = code));
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exit;
  } catch (error) {
    if (!(error instanceof CommanderError)) return report(error, argv, io);
    // It has said what is wrong; help that was asked for is no error.
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
}

function createProgram(io: CliIo, done: (exit: ExitCode) => void): Command {
  const program = new Command('asyncz')
    .description('See and control the tasks of nestjs-asyncz')
    .showSuggestionAfterError()
    .addHelpText('after', EPILOGUE);
  configure(program, io);
  for (const spec of COMMANDS) program.addCommand(createCommand(spec, io, done));
  return program;
}

function createCommand(spec: CommandSpec, io: CliIo, done: (exit: ExitCode) => void): Command {
  const { name, summary, args = [], options = [], details, role } = spec;
  const command = new Command(name).description(summary).allowExcessArguments(false);
  configure(command, io);
  for (const [flags, description] of args) command.argument(flags, description);
  for (const option of role === 'none' ? options : [...options, ...COMMON]) command.addOption(toOption(option));
  command.option('--json', 'answer with JSON: see docs/cli.md for its shape');
  command.option('--debug', 'say more: the log of the library, and where an error came from');
  if (details !== undefined) command.addHelpText('after', `\n${details}`);
  command.action(async (...given: unknown[]) => {
    // Behind the arguments stand the options and the command itself.
    const words = given.slice(0, args.length) as (string | undefined)[];
    done(await runCommand(spec, words, command.opts<Everywhere>(), io));
  });
  return command;
}

function toOption({ flags, description, choices, parse }: OptionSpec): Option {
  const option = new Option(flags, description);
  if (choices) option.choices(choices);
  if (parse) option.argParser(parse);
  return option;
}

/** Has commander write where the command writes, and leave the end of the process to it. */
function configure(command: Command, { out, err, colours }: CliIo): void {
  command.exitOverride();
  command.configureOutput({
    writeOut: out,
    writeErr: (text) => err(withoutSecrets(text)),
    getOutHasColors: () => colours,
    getErrHasColors: () => false,
  });
}

async function runCommand(
  spec: CommandSpec,
  args: readonly (string | undefined)[],
  options: Everywhere,
  io: CliIo,
): Promise<ExitCode> {
  const role = typeof spec.role === 'function' ? spec.role(options as never) : spec.role;
  const isJson = options.json === true;
  const context = { args, options: options as never, io, isJson };
  const print = new Printer(io);
  if (role === 'none') {
    const nothing = { operations: null as never, scheduler: null, hasCode: false };
    return write(await spec.run({ ...context, ...nothing }), isJson, print);
  }
  // Only what needs tasks waits for the library and Nest to load.
  const { openTarget } = await import('./target/open.target.js');
  const target = await openTarget(options, role, io);
  const work = async () => write(await spec.run({ ...context, ...target }), isJson, print);
  try {
    // A worker ends in its own way.
    return await (role === 'worker' ? work() : unlessInterrupted(work(), io.signal));
  } finally {
    await target.close();
  }
}

/** @throws InterruptedError */
async function unlessInterrupted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  // What was interrupted may fail when its stores are closed, and nobody waits for it any more.
  work.catch(() => {});
  let interrupt = () => {};
  const interrupted = new Promise<never>((_, reject) => {
    interrupt = () => reject(new InterruptedError());
    signal.addEventListener('abort', interrupt);
    if (signal.aborted) interrupt();
  });
  try {
    return await Promise.race([work, interrupted]);
  } finally {
    signal.removeEventListener('abort', interrupt);
  }
}

async function write(result: Answer | Stream, isJson: boolean, print: Printer): Promise<ExitCode> {
  if ('items' in result) {
    for await (const item of result.items) {
      if (isJson) print.json(item);
      else result.text(print, item);
    }
    return EXIT.ok;
  }
  if (isJson) print.json(result.json, 2);
  else result.text(print);
  return result.exit ?? EXIT.ok;
}

/** Says in one sentence what went wrong. */
function report(error: unknown, argv: readonly string[], { err, env }: CliIo): ExitCode {
  const exitCode = exitCodeOf(error);
  const secrets = [env.ASYNCZ_TOKEN, tokenOf(argv)].filter((secret) => secret !== undefined);
  const message = withoutSecrets(messageOf(error), secrets);
  if (argv.includes('--json')) {
    err(`${terminalJson({ error: { code: codeOf(error) ?? null, message, exitCode } })}\n`);
  } else {
    const lines = message.split('\n').map(terminalText).join('\n');
    err(`asyncz: ${lines}\n`);
  }
  if (argv.includes('--debug') && error instanceof Error) err(`${withoutSecrets(stackOf(error), secrets)}\n`);
  return exitCode;
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\nCaused by ${stackOf(error.cause)}` : '';
  return `${error.stack ?? error.message}${cause}`;
}

function tokenOf(argv: readonly string[]): string | undefined {
  const at = argv.indexOf('--token');
  return at >= 0 ? argv[at + 1] : argv.find((word) => word.startsWith('--token='))?.slice('--token='.length);
}
