// What a process sends and gets, and the processor time of both sides.
import { subscribe } from 'node:diagnostics_channel';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Processor time of /proc is in hundredths of a second on all Linux. */
const TICKS = 100;

const traffic = { sockets: [], trips: 0 };

/**
 * Counts on every connection that is opened from now on. A round trip is an answer to something that was sent: a pipeline is
 * one, however much is in it.
 */
export function watchConnections() {
  subscribe('net.client.socket', ({ socket }) => {
    traffic.sockets.push(socket);
    let isAsked = false;
    const { write, push } = socket;
    // A socket takes its own `write` back when it connects.
    socket.prependOnceListener('connect', () => {
      socket.write = function (...args) {
        isAsked = true;
        return write.apply(this, args);
      };
    });
    socket.push = function (chunk, ...rest) {
      if (isAsked && chunk !== null) {
        isAsked = false;
        traffic.trips += 1;
      }
      return push.call(this, chunk, ...rest);
    };
  });
}

function bytes() {
  return traffic.sockets.reduce((sum, { bytesWritten, bytesRead }) => sum + bytesWritten + bytesRead, 0);
}

/** Counts the calls of prepared statements of better-sqlite3, which makes no connections. */
export async function watchSqlite() {
  const { default: Database } = await import('better-sqlite3');
  const database = new Database(':memory:');
  const prototype = Object.getPrototypeOf(database.prepare('SELECT 1'));
  database.close();
  for (const name of ['run', 'get', 'all', 'iterate']) {
    const call = prototype[name];
    prototype[name] = function (...args) {
      traffic.trips += 1;
      return call.apply(this, args);
    };
  }
}

const statOf = (pid) => {
  // The name of the command is in brackets and may contain anything.
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
};

function socketsListeningOn(port) {
  const inodes = new Set();
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of readFileSync(file, 'utf8').split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/);
      if (fields.length > 9 && fields[3] === '0A' && parseInt(fields[1].split(':')[1], 16) === port)
        inodes.add(fields[9]);
    }
  }
  return inodes;
}

const processes = () => readdirSync('/proc').filter((name) => /^\d+$/.test(name));

/** The process that listens on a port of this machine, and null where that cannot be seen. */
export function findServer(port) {
  try {
    const links = new Set([...socketsListeningOn(port)].map((inode) => `socket:[${inode}]`));
    // A server with a process for each connection: the first one is the parent of the others.
    return processes().find((pid) => holdsOne(pid, links)) ?? null;
  } catch {
    return null;
  }
}

function holdsOne(pid, links) {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => links.has(readlinkSync(`/proc/${pid}/fd/${fd}`)));
  } catch {
    // It has ended, or is another user's.
    return false;
  }
}

/** Seconds of processor time of a server and its children, those that have ended too. */
function serverSeconds(server) {
  if (server === null) return null;
  const own = statOf(server);
  let ticks = own.slice(11, 15).reduce((sum, value) => sum + Number(value), 0);
  for (const pid of processes()) {
    try {
      const stat = statOf(pid);
      if (stat[1] === server) ticks += Number(stat[11]) + Number(stat[12]);
    } catch {
      // It has ended meanwhile.
    }
  }
  return ticks / TICKS;
}

function take(server, at = performance.now()) {
  return {
    at,
    cpu: process.cpuUsage(),
    server: serverSeconds(server),
    trips: traffic.trips,
    bytes: bytes(),
  };
}

/**
 * Measures from now until the returned function is called, or the time until an earlier one that it is given.
 *
 * @returns seconds, worker (seconds of processor time), server (likewise; null without one), trips, bytes.
 */
export function startMeter(server) {
  const before = take(server);
  return (at) => {
    const after = take(server, at);
    const { user, system } = process.cpuUsage(before.cpu);
    return {
      seconds: (after.at - before.at) / 1_000,
      worker: (user + system) / 1e6,
      server: before.server === null ? null : after.server - before.server,
      trips: after.trips - before.trips,
      bytes: after.bytes - before.bytes,
    };
  };
}
