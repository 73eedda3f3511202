import { open, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { ScheduledTask } from 'nestjs-asyncz';
import type { TaskContext } from 'nestjs-asyncz';

/** Where everything is kept. */
export const DIRECTORY = process.env.QUICKSTART_DIR ?? join('var', 'quickstart');

const ACCESS_LOG = process.env.ACCESS_LOG ?? join('sample', '01-quickstart', 'data', 'access.log');
const DIGEST = join(DIRECTORY, 'digest.json');

/** A run takes little, so that it is short however long the log has grown. */
const LINES_PER_RUN = 10;
const BYTES_PER_RUN = 64 * 1024;

/** `host - user [time] "METHOD path protocol" status bytes …`, as Apache and nginx write it. */
const LOG_LINE = /^\S+ \S+ \S+ \[[^\]]+\] "[A-Z]+ (\S+) [^"]*" (\d{3}) (\d+|-)/;

/** What was counted, and how far the log was read: one record, written in one step. */
export interface Digest {
  /** The fencing token of the run that wrote it. */
  readonly token: number;
  /** Where the next run goes on, in bytes, and how the log began: another beginning is another log. */
  readonly offset: number;
  readonly head: string;
  readonly lines: number;
  readonly unreadable: number;
  readonly bytes: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly paths: Readonly<Record<string, number>>;
}

const NOTHING: Digest = { token: 0, offset: 0, head: '', lines: 0, unreadable: 0, bytes: 0, statuses: {}, paths: {} };

@Injectable()
export class AccessLogDigest {
  /**
   * Each line counts at most once, whenever the process is killed: the counts and the place to go on from are one file
   * that is replaced as a whole, and a run that was killed is not repeated.
   */
  @ScheduledTask({
    id: 'access-log.digest',
    trigger: 'interval',
    every: () => process.env.DIGEST_EVERY ?? '5s',
    delivery: 'at-most-once',
  })
  async digest(context: TaskContext): Promise<string> {
    const before = await this.read();
    const { lines, offset, head } = await readNewLines(before);
    if (lines.length === 0) return `no new lines, ${before.lines} so far`;
    const after = lines.reduce(countLine, { ...before, offset, head, token: context.token });
    await this.#replace(before, after, context);
    return `lines ${before.lines + 1} to ${after.lines}, ${after.bytes - before.bytes} bytes served`;
  }

  async read(): Promise<Digest> {
    try {
      return JSON.parse(await readFile(DIGEST, 'utf8')) as Digest;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return NOTHING;
      throw error;
    }
  }

  async #replace(before: Digest, after: Digest, context: TaskContext): Promise<void> {
    const temporary = `${DIGEST}.${process.pid}`;
    await writeFile(temporary, JSON.stringify(after, null, 2), { flush: true });
    // A process that was frozen for longer than its lease may have been overtaken: the signal tells, and so does a
    // token that is not the one that this run began with.
    context.signal.throwIfAborted();
    if ((await this.read()).token !== before.token) throw new Error('overtaken by another run; nothing was counted');
    await rename(temporary, DIGEST);
  }
}

/** The complete lines after the cursor; all of them when it is another log by now. */
async function readNewLines(cursor: Digest): Promise<Pick<Digest, 'offset' | 'head'> & { lines: string[] }> {
  const file = await open(ACCESS_LOG);
  try {
    // In Latin-1 a character is a byte, so that offsets can be counted in characters.
    const readAt = async (position: number, length: number) => {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
      return buffer.toString('latin1', 0, bytesRead);
    };
    const { size } = await file.stat();
    const beginning = await readAt(0, 256);
    const isSameLog = size >= cursor.offset && beginning.startsWith(cursor.head);
    const start = isSameLog ? cursor.offset : 0;
    const text = await readAt(start, BYTES_PER_RUN);
    const lines: string[] = [];
    let end = 0;
    for (let next = text.indexOf('\n'); next >= 0 && lines.length < LINES_PER_RUN; next = text.indexOf('\n', end)) {
      lines.push(text.slice(end, next));
      end = next + 1;
    }
    if (end === 0 && text.length === BYTES_PER_RUN) {
      lines.push(text);
      end = text.length;
    }
    return { lines, offset: start + end, head: beginning.slice(0, start + end) };
  } finally {
    await file.close();
  }
}

function countLine(digest: Digest, line: string): Digest {
  const [, target, status, bytes] = LOG_LINE.exec(line) ?? [];
  if (!target || !status) return { ...digest, lines: digest.lines + 1, unreadable: digest.unreadable + 1 };
  const path = target.split('?')[0]!;
  return {
    ...digest,
    lines: digest.lines + 1,
    bytes: digest.bytes + (Number(bytes) || 0),
    statuses: { ...digest.statuses, [status]: (digest.statuses[status] ?? 0) + 1 },
    paths: { ...digest.paths, [path]: (digest.paths[path] ?? 0) + 1 },
  };
}
