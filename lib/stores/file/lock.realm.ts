import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * Names the set of processes among whom the lock is exclusive. On Linux that is a network namespace of a running kernel:
 * containers that share a directory but not the network do not see each other's lock. Elsewhere it is the machine.
 */
export function lockRealm(): string {
  if (process.platform === 'linux') {
    try {
      const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
      return `${boot} ${readlinkSync('/proc/self/ns/net')}`;
    } catch {
      // No /proc here: the name of the machine must do.
    }
  }
  return hostname();
}
