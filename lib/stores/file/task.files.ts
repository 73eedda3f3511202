import type { StoredTask, UnreadableTask } from '../../model/task.js';
import { isUnreadable } from '../../model/task.js';
import { largeText } from '../../persistence/record.size.js';
import type { TaskCodec, TaskRow } from '../../persistence/codec.interface.js';
import type { DirectoryLayout } from './directory.layout.js';
import { ifThere, readWholeFile } from './durable.fs.js';
import type { FileSignature } from './durable.fs.js';
import { decodeFileName, encodeFileName } from './file-name.codec.js';
import { largestFile, parseTaskFile } from './task-file.format.js';
import type { UnreadableFile } from './task-file.format.js';

/** What a file holds. */
export interface LoadedFile {
  readonly file: string;
  /** What the file is; null for a task that has none yet. */
  readonly signature: FileSignature | null;
  readonly task: StoredTask;
  /** What is stored of a task that could be read; null otherwise. */
  readonly row: TaskRow | null;
}

/** Reads tasks from files. Never changes anything. */
export class TaskFiles {
  constructor(
    private readonly layout: DirectoryLayout,
    private readonly codec: TaskCodec,
  ) {}

  /** Reads a file; null when it is not there. What cannot be read is told as an unreadable task. */
  async load(name: string): Promise<LoadedFile | null> {
    const path = this.layout.task(name);
    const { maxRecordBytes } = this.codec;
    const read = await ifThere(readWholeFile(path, largestFile(maxRecordBytes)));
    if (read === null) return null;
    const { content, problem, signature, oversize } = read;
    const parsed = content
      ? parseTaskFile(content)
      : oversize === undefined
        ? damaged(problem)
        : { ...damaged(largeText(oversize, maxRecordBytes)), unreadable: 'too-large' as const };
    if ('unreadable' in parsed) return { file: name, signature, task: unreadableTask(name, parsed), row: null };
    if (encodeFileName(parsed.id) !== name) {
      const { handler, nextRunTime } = parsed;
      const moved = damaged('The file holds another task than its name says.');
      return { file: name, signature, task: unreadableTask(name, { ...moved, handler, nextRunTime }), row: null };
    }
    const task = this.codec.decodeTask(parsed);
    return { file: name, signature, task, row: isUnreadable(task) ? null : parsed };
  }
}

function damaged(message: string): UnreadableFile {
  return { unreadable: 'damaged', message, id: null, handler: null, nextRunTime: null };
}

/** By the id that its name says, or that it says itself where the name holds a hash, or by the name of a foreign file. */
function unreadableTask(
  name: string,
  { unreadable, message, id, handler, nextRunTime }: UnreadableFile,
): UnreadableTask {
  const own = id !== null && encodeFileName(id) === name ? id : null;
  return { id: decodeFileName(name) ?? own ?? name, unreadable, message, handler, nextRunTime };
}
