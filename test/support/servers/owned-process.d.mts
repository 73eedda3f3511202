import type { ExecFileOptions } from 'node:child_process';

export interface OwnedServer {
  readonly pid: number;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export function execute(file: string, args: readonly string[], options?: ExecFileOptions): Promise<string>;
export function findBinary(names: readonly string[], folders?: readonly string[]): string | null;
export function isListening(port: number): Promise<boolean>;
export function freePort(): Promise<number>;
export function temporaryFolder(uid?: number): Promise<string>;
export function removeFolder(folder: string): Promise<void>;
export function startServer(
  file: string,
  args: readonly string[],
  answers: () => Promise<unknown>,
  options?: { uid?: number },
): Promise<OwnedServer>;
