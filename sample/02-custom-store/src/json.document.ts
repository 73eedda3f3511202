import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { TaskRow } from 'nestjs-asyncz/store';

/** The tasks of one JSON file: `{ "tasks": [ … ] }`. */
export class JsonDocument {
  constructor(readonly file: string) {}

  /** Makes the folder that the file is to be in. */
  async prepare(): Promise<void> {
    await mkdir(dirname(this.file), { recursive: true });
  }

  /** By id; nothing when there is no file yet. */
  async read(): Promise<Map<string, TaskRow>> {
    let text: string;
    try {
      text = await readFile(this.file, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
      throw error;
    }
    const { tasks } = JSON.parse(text) as { tasks: TaskRow[] };
    return new Map(tasks.map((row) => [row.id, row]));
  }

  /** Replaces the file in one step: whoever reads it, and whoever starts after a crash, finds the old or the new one. */
  async write(rows: ReadonlyMap<string, TaskRow>): Promise<void> {
    const temporary = `${this.file}.tmp`;
    const handle = await open(temporary, 'w');
    try {
      await handle.writeFile(`${JSON.stringify({ tasks: [...rows.values()] }, null, 2)}\n`);
      // Without this a power cut may leave the new name on an empty file.
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, this.file);
  }
}
