// Other processes that a round works with, on the same data.
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { FailedRun, within } from './ledger.mjs';
import { PACKAGE } from './setup.mjs';

/** How long an answer may take, in ms. */
const TIMEOUT_MS = 60_000;

/** The side of the round: starts a process that does `workload.partner`, and talks to it. */
export class Partner {
  #child;
  #queue = [];
  #waiting = [];
  #failed = null;

  /** @param part What `workload.partner` gets beside the case of the round. */
  constructor({ job }, part = {}) {
    const own = { ...job, action: 'partner', case: { ...job.case, ...part } };
    this.#child = fork(join(PACKAGE, 'round.mjs'), [JSON.stringify(own)], {
      execArgv: process.execArgv,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#child.on('message', (message) => {
      if (message.failed) this.#fail(message.failed);
      else if (this.#waiting.length > 0) this.#waiting.shift().resolve(message);
      else this.#queue.push(message);
    });
    this.#child.once('exit', (code) => this.#fail(`ended with ${code}`));
  }

  #fail(reason) {
    this.#failed ??= new FailedRun(`another process: ${reason}`);
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failed);
  }

  send(message) {
    this.#child.send(message);
  }

  /** The next message of the partner. */
  next(timeoutMs = TIMEOUT_MS) {
    if (this.#queue.length > 0) return Promise.resolve(this.#queue.shift());
    if (this.#failed) return Promise.reject(this.#failed);
    const message = new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
    return within(timeoutMs, message, 'another process does not answer');
  }

  /** Waits until it has ended. */
  async ended() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = new Promise((resolve) => {
      this.#child.once('exit', resolve);
    });
    this.#child.send('end');
    await within(TIMEOUT_MS, exit, 'another process does not end').finally(() => this.#child.kill('SIGKILL'));
  }
}

/** The side of the partner: resolves with the next message of the round. */
export function nextOrder() {
  return new Promise((resolve) => {
    process.once('message', resolve);
  });
}
