import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { FileStoreOptions } from '../../../lib/stores/file/file-store.options.js';
import { builtLibrary } from '../../support/built-library.js';

const PROGRAM = fileURLToPath(new URL('./file-store.worker.mjs', import.meta.url));

/** What a process tells of its own accord. */
export interface Told {
  readonly type: 'ready' | 'adding' | 'added' | 'changed' | 'finishing' | 'finished' | 'full' | 'failed' | 'woken';
  readonly ids: readonly string[];
  readonly message?: string;
}

type Answer = { readonly id: number; readonly value?: unknown; readonly error?: { code: string; message: string } };

/** An error that came from another process. */
export class RemoteError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** A process with a file store of its own. It is killed when the test has finished. */
export class FileStoreProcess {
  readonly told: Told[] = [];
  readonly #listeners = new Set<(told: Told) => void>();
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #last = 0;

  private constructor(
    readonly owner: string,
    readonly child: ChildProcess,
  ) {
    child.on('message', (message) => this.#take(message as Told | Answer));
    child.on('close', (code, signal) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`${owner} ended with ${code ?? signal}`));
      this.#waiting.clear();
    });
  }

  /**
   * Starts a process; its store is not started yet.
   *
   * @param wrapper A command that runs it, such as `unshare --net`.
   */
  static async create(
    owner: string,
    options: FileStoreOptions,
    wrapper: readonly string[] = [],
  ): Promise<FileStoreProcess> {
    const [command, ...args] = [
      ...wrapper,
      process.execPath,
      PROGRAM,
      await builtLibrary(),
      JSON.stringify(options),
      owner,
    ];
    const child = spawn(command!, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const one = new FileStoreProcess(owner, child);
    onTestFinished(() => one.kill());
    await one.next((told) => told.type === 'ready');
    return one;
  }

  /** A process whose store is started. */
  static async open(
    owner: string,
    options: FileStoreOptions,
    wrapper: readonly string[] = [],
  ): Promise<FileStoreProcess> {
    const one = await FileStoreProcess.create(owner, options, wrapper);
    await one.ask('start');
    return one;
  }

  ask<T>(command: string, ...args: unknown[]): Promise<T> {
    const id = (this.#last += 1);
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.child.send({ id, command, args });
    });
  }

  /** Resolves when it tells something that fits, from now on. */
  next(fits: (told: Told) => boolean): Promise<Told> {
    return new Promise((resolve, reject) => {
      const listener = (told: Told) => {
        if (!fits(told)) return;
        this.#listeners.delete(listener);
        resolve(told);
      };
      this.#listeners.add(listener);
      this.child.once('close', () => reject(new Error(`${this.owner} has ended`)));
    });
  }

  /** Resolves when it has told so many things since it was created. */
  async hasTold(count: number): Promise<void> {
    if (this.told.length < count) await this.next(() => this.told.length >= count);
  }

  onTold(listener: (told: Told) => void): void {
    this.#listeners.add(listener);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Kills it without a word. All that it told before is known when this resolves. */
  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'close');
    this.child.kill('SIGKILL');
    await ended;
  }

  #take(message: Told | Answer): void {
    if ('type' in message) {
      this.told.push(message);
      for (const listener of this.#listeners) listener(message);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.error) waiting?.reject(new RemoteError(message.error.code, message.error.message));
    else waiting?.resolve(message.value);
  }
}
