import type { ExecFileOptions } from 'node:child_process';

/** A server that was started here. */
export interface OwnedServer {
  readonly pid: number;
  /** Sends the signal, SIGTERM unless given, and resolves when the process has ended. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export declare function execute(file: string, args: readonly string[], options?: ExecFileOptions): Promise<string>;
export declare function findBinary(names: readonly string[], folders?: readonly string[]): string | null;
export declare function isListening(port: number): Promise<boolean>;
export declare function freePort(beside?: number): Promise<number>;
export declare function temporaryFolder(uid?: number): Promise<string>;
export declare function removeFolder(folder: string): Promise<void>;
export declare function startServer(
  file: string,
  args: readonly string[],
  answers: () => Promise<unknown>,
  options?: { uid?: number },
): Promise<OwnedServer>;
