import type * as Fs from 'node:fs';
import type * as FsPromises from 'node:fs/promises';

/** Is called before each call that changes the disk, with half of what is going to be written, if anything is. */
type Listener = (half: { readonly file: number; readonly bytes: Buffer; readonly position: number } | null) => void;

let listener: Listener | null = null;

/** Has every change of the disk told, until the function that is returned is called. */
export function listenToDisk(to: Listener): () => void {
  listener = to;
  return () => void (listener = null);
}

/** `node:fs` that tells what it is going to write. To be used with `vi.mock`. */
export function interposed(fs: typeof Fs): typeof Fs {
  const write = ((file: number, bytes: Buffer, offset: number, length: number, position: number, done: () => void) => {
    listener?.(null);
    const half = Math.floor(length / 2);
    if (half > 0) listener?.({ file, bytes: bytes.subarray(offset, offset + half), position });
    return fs.write(file, bytes, offset, length, position, done);
  }) as unknown as typeof Fs.write;
  // How `promisify` names what it gives is among them.
  Object.defineProperties(write, Object.getOwnPropertyDescriptors(fs.write));
  return { ...fs, write };
}

/** `node:fs/promises` that tells what it is going to change. */
export function interposedPromises(fs: typeof FsPromises): typeof FsPromises {
  const told = <A extends unknown[], R>(work: (...args: A) => R) =>
    ((...args: A) => {
      listener?.(null);
      return work(...args);
    }) as never;
  return { ...fs, rename: told(fs.rename), unlink: told(fs.unlink), rm: told(fs.rm) };
}
