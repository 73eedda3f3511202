import { expect } from 'vitest';
import { runCli } from '../../lib/cli/cli.js';
import type { CliIo } from '../../lib/cli/cli.io.js';
import type { ClusterStore } from '../cluster/scheduler.process.js';
import { ERROR_SHAPE, SHAPES } from './cli.shapes.js';

/** What a command has written, and its exit code. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the command line in this process. */
export async function cli(argv: readonly string[], io: Partial<CliIo> = {}): Promise<Ran> {
  const written = { out: '', err: '' };
  const code = await runCli(argv, {
    out: (text) => (written.out += text),
    err: (text) => (written.err += text),
    colours: false,
    confirm: null,
    env: {},
    cwd: process.cwd(),
    now: () => Date.now(),
    signal: new AbortController().signal,
    ...io,
  });
  return { code, ...written };
}

/** The same with `--json`: its answer, which has the shape that is documented for the command. */
export async function cliJson<T = any>(
  argv: readonly string[],
  io?: Partial<CliIo>,
): Promise<{ code: number; json: T }> {
  const { code, out, err } = await cli([...argv, '--json'], io);
  if (out === '') throw new Error(`asyncz ${argv.join(' ')} has no answer, exit code ${code}: ${err}`);
  const json: unknown = JSON.parse(out);
  const { error } = SHAPES[argv[0]!]!.safeParse(json);
  expect(error?.message, `asyncz ${argv.join(' ')}: ${out}`).toBeUndefined();
  return { code, json: json as T };
}

/** The error of a command that fails, as JSON. */
export async function cliError(argv: readonly string[], io?: Partial<CliIo>) {
  const { code, out, err } = await cli([...argv, '--json'], io);
  expect(out).toBe('');
  const { error } = ERROR_SHAPE.parse(JSON.parse(err));
  expect(error.exitCode).toBe(code);
  return error;
}

/** What `--store` is given for a store of the tests. */
export function urlOf({ className, options }: ClusterStore): string {
  const { directory, database, url, uri, ...more } = options as Record<string, string>;
  const fragment = (fields: Record<string, string>) => `#${new URLSearchParams(fields).toString()}`;
  if (className === 'FileStore') return `file:${directory!}`;
  if (className === 'TypeormStore') return database! + fragment(more);
  if (className === 'RedisStore') return url! + fragment(more);
  return uri! + fragment({ database: database!, ...more });
}
