#!/usr/bin/env node
import { createInterface } from 'node:readline/promises';
import { MACHINE } from '../model/clock.js';
import { EXIT } from './cli.errors.js';
import type { CliIo } from './cli.io.js';
import { runCli } from './cli.js';

const { stdout, stderr, stdin, env } = process;
const stop = new AbortController();
// What an application prints while it is booted is not among the results.
const out = stdout.write.bind(stdout);
if (process.argv[2] !== 'worker') stdout.write = stderr.write.bind(stderr);

// Once is a wish to end, twice is not to wait for it.
let interrupts = 0;
const interrupt = () => {
  interrupts += 1;
  if (interrupts > 1) process.exit(EXIT.interrupted);
  stop.abort();
};
process.on('SIGINT', interrupt);
process.on('SIGTERM', interrupt);

// A reader such as `head` that has enough goes away: nobody wants the rest.
stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

async function confirm(question: string): Promise<boolean> {
  const lines = createInterface({ input: stdin, output: stderr });
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `, { signal: stop.signal })).trim());
  } finally {
    lines.close();
  }
}

const io: CliIo = {
  out: (text) => void out(text),
  err: (text) => void stderr.write(text),
  colours: stdout.isTTY && !env.NO_COLOR && env.TERM !== 'dumb',
  confirm: stdin.isTTY && stderr.isTTY ? confirm : null,
  env,
  cwd: process.cwd(),
  now: () => MACHINE.now(),
  signal: stop.signal,
};

void runCli(process.argv.slice(2), io).then((code) => {
  // An application may keep timers and connections that nobody closes; what was written goes out first.
  out('', () => process.exit(code));
});
