import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { MACHINE } from '../../model/clock.js';
import { pause } from '../../time/wait.js';
import type { Latch, Taken } from './latch.interface.js';

/**
 * The length of an address on Linux, its leading NUL included. Always used in full: some versions of Node fill a shorter
 * name up with NULs and others do not, which makes two addresses of one name.
 */
const ADDRESS_LENGTH = 108;

/** How long to wait at the most before trying again, whatever has not been heard, in milliseconds. */
const RECHECK_MS = 1_000;

/** How long to wait when the holder cannot be reached at all, in milliseconds. */
const UNREACHABLE_MS = 10;

/** What it says that an address is taken by a listener that just went. */
const GONE = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOENT']);

/**
 * A listening socket in Linux's abstract namespace: there is one for each name, no file is left of it, and it goes with its
 * process, however that ends. Whoever waits connects to it, and is cut off the moment it is given back.
 */
export class SocketLatch implements Latch {
  readonly #address: string;

  /** @param key Names the latch: letters and digits, at most 90. */
  constructor(key: string) {
    this.#address = `\0asyncz.${key}`.padEnd(ADDRESS_LENGTH, '.');
  }

  tryTake(): Promise<Taken | null> {
    return new Promise((resolve, reject) => {
      const server = createServer({ pauseOnConnect: true });
      const waiting = new Set<Socket>();
      server.on('connection', (socket) => {
        socket.on('error', () => {});
        waiting.add(socket);
      });
      // Every time: one that cannot accept a connection, as with too many files open, says so here as well.
      server.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'EADDRINUSE') resolve(null);
        else reject(error);
      });
      server.once('listening', () => resolve({ release: () => release(server, waiting) }));
      // A worker of node:cluster would share its primary's socket with the other workers: no latch at all.
      server.listen({ path: this.#address, exclusive: true });
    });
  }

  untilFree(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const socket = connect(this.#address);
      let failure = '';
      const cancel = MACHINE.schedule(() => socket.destroy(), Math.min(limitMs, RECHECK_MS));
      socket.on('error', (error: NodeJS.ErrnoException) => (failure = error.code ?? ''));
      socket.on('close', () => {
        cancel();
        // Too many wait already: nobody will tell this one.
        resolve(failure === '' || GONE.has(failure) ? undefined : pause(MACHINE, UNREACHABLE_MS));
      });
      // The end is only seen by one that reads.
      socket.resume();
    });
  }
}

function release(server: Server, waiting: ReadonlySet<Socket>): boolean {
  server.close();
  for (const socket of waiting) socket.destroy();
  return waiting.size > 0;
}
