import { randomBytes } from 'node:crypto';
import type { TaskDocument } from './mongoose.documents.js';

/** How many writers a document remembers: as many writes may come between one's own and looking after it. */
const WRITERS = 6;

/** Names one write, or one reservation. */
export function newToken(): string {
  return randomBytes(9).toString('base64url');
}

/** The writers of a document, with one more in front; the oldest is forgotten. */
export function writersWith(token: string, { writers }: Pick<TaskDocument, 'writers'>): string {
  return [token, ...(writers ?? '').split(' ')].slice(0, WRITERS).join(' ').trim();
}

/** Whether a write under this token is among the last few. */
export function isWriter(token: string, writers: string): boolean {
  return writers.split(' ').includes(token);
}
