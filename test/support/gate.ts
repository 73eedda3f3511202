import type { Handler } from 'nestjs-asyncz';
import { settle as settleOnce } from './scheduler.factory.js';

/** A disk in memory takes a turn for each call, and some things take several calls. */
export async function settle(): Promise<void> {
  for (let count = 0; count < 5; count += 1) await settleOnce();
}

/** A handler whose runs end when they are told to. */
export class Gate {
  /** The tasks with a run under way. */
  readonly under: string[] = [];
  /** The tasks in the order of their starts. */
  readonly order: string[] = [];
  /** How many were under way at the same time at the most. */
  most = 0;
  readonly #ends = new Map<string, () => void>();

  readonly handler: Handler = async (_args, { task, signal }) => {
    this.under.push(task.id);
    this.order.push(task.id);
    this.most = Math.max(this.most, this.under.length);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#ends.set(task.id, resolve);
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      });
    } finally {
      this.under.splice(this.under.indexOf(task.id), 1);
    }
  };

  async end(id: string): Promise<void> {
    this.#ends.get(id)!();
    await settle();
  }
}
