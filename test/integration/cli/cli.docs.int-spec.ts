import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NonRetryableError, Scheduler } from 'nestjs-asyncz';
import { TypeormStore } from 'nestjs-asyncz/typeorm';
import { COMMANDS } from '../../../lib/cli/commands/all.commands.js';
import { COMMON } from '../../../lib/cli/commands/common.options.js';
import { cli } from '../../support/cli.runner.js';
import { schemaDocument } from '../../support/cli.shapes.js';

const docs = fileURLToPath(new URL('../../../docs/', import.meta.url));
const page = join(docs, 'cli.md');
const schemaFile = join(docs, 'cli.schema.json');

/** Set by `npm run cli-docs`: the pages are written, and not compared. */
const isWriting = process.env.ASYNCZ_WRITE_DOCS !== undefined;

/** A block of the page: a command, and what it prints. */
const BLOCK = /```console\n\$ (asyncz [^\n]+)\n([^]*?)```/g;

/** The words of a command, with quotes as a shell takes them. */
function wordsOf(command: string): string[] {
  return [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!).slice(1);
}

/** The command with the run that there is this time. */
function actual(command: string, { charge, nightly }: Example): string {
  return command.replace(/\bcharge@\S+/, charge).replace(/\bnightly@\S+/, nightly);
}

/** What is the same each time that a command is run: not times, ids, numbers, nor the widths of columns that follow from them. */
function shapeOf(printed: string): string {
  return printed
    .replaceAll(/\b[\w-]+@[\w:.#-]+/g, 'RUN')
    .replaceAll(/\((in )?[\d,]+ ?[a-z]+( ago)?\)|\(now\)/g, '(AWAY)')
    .replaceAll(/\d+(\.\d+)? (ms|s|min)\b/g, 'TOOK')
    .replaceAll(/\d+/g, '0')
    .replaceAll(/[ \t]+/g, ' ');
}

/** The folder with the configuration, and the ids of a run of each task. */
interface Example {
  readonly cwd: string;
  readonly charge: string;
  readonly nightly: string;
}

/** An application of two tasks and a worker. */
async function example(): Promise<Example> {
  const cwd = mkdtempSync(join(tmpdir(), 'asyncz-cli-docs-'));
  const url = `sqlite:${join(cwd, 'tasks.db')}`;
  writeFileSync(join(cwd, 'asyncz.config.json'), JSON.stringify({ stores: { default: url } }));
  const worker = new Scheduler({
    identity: 'worker-1',
    stores: { default: new TypeormStore({ url }) },
    pollInterval: '50ms',
  });
  worker.registerHandler('reports.send', (_args, context) => {
    context.log.log('Sends 3 reports');
    context.progress({ sent: 3 });
    return { sent: 3 };
  });
  worker.registerHandler('billing.charge', () => {
    throw new NonRetryableError('the provider is down');
  });
  await worker.start();
  await worker.addTask({
    id: 'nightly',
    handler: 'reports.send',
    trigger: { type: 'cron', expression: '0 3 * * *', timezone: 'Europe/Berlin' },
    tags: ['reports'],
    args: ['all'],
  });
  await worker.addTask({ id: 'charge', handler: 'billing.charge', trigger: { type: 'interval', hours: 6 } });
  const { id: charge } = await worker.runTask('charge', { wait: true, actor: 'ada' });
  const { id: nightly } = await worker.runTask('nightly', { wait: true });
  stop = async () => {
    await worker.shutdown(0);
    rmSync(cwd, { recursive: true });
  };
  return { cwd, charge, nightly };
}

let stop: () => Promise<void> = async () => {};

describe('docs/cli.md', () => {
  const text = readFileSync(page, 'utf8');
  const blocks = [...text.matchAll(BLOCK)].map(([, command, printed]) => ({ command: command!, printed: printed! }));
  const ran: string[] = [];
  const asked: string[] = [];

  beforeAll(async () => {
    const made = await example();
    for (const { command } of blocks) {
      const words = wordsOf(actual(command, made));
      const { out, err } = await cli(words, { cwd: made.cwd });
      // A stack has the paths of this machine.
      ran.push((out + err).replaceAll(/^ +at .*\n/gm, ''));
      asked.push(actual(command, made));
    }
    if (!isWriting) return;
    let at = 0;
    const written = text.replaceAll(BLOCK, () => `\`\`\`console\n$ ${asked[at]!}\n${ran[at++]!}\`\`\``);
    writeFileSync(page, await format(written, { ...(await resolveConfig(page)), parser: 'markdown' }));
    const schema = JSON.stringify(schemaDocument());
    writeFileSync(schemaFile, await format(schema, { ...(await resolveConfig(schemaFile)), parser: 'json' }));
  });

  afterAll(() => stop());

  it.runIf(!isWriting)('shows what the commands print: npm run cli-docs', () => {
    expect(blocks.length).toBeGreaterThan(10);
    for (const [at, { command, printed }] of blocks.entries()) {
      expect(shapeOf(ran[at]!), command).toBe(shapeOf(printed));
    }
  });

  it('names every command and every option that all of them have', () => {
    for (const { name } of COMMANDS) expect(text, name).toMatch(new RegExp(`[\`z] ?(asyncz )?${name}\\b`));
    for (const { flags } of COMMON) {
      const [flag] = /--\w+/.exec(flags)!;
      expect(text).toContain(flag);
    }
  });

  it.runIf(!isWriting)('has the shapes of all answers in docs/cli.schema.json: npm run cli-docs', () => {
    const written = JSON.parse(readFileSync(schemaFile, 'utf8')) as { commands: object };
    expect(written).toEqual(schemaDocument());
    expect(Object.keys(written.commands).sort()).toEqual(COMMANDS.map(({ name }) => name).sort());
  });
});
