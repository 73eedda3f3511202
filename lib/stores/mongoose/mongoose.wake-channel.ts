import type { mongo } from 'mongoose';
import type { WakeDocument } from './mongoose.documents.js';
import type { WakeChannel } from './mongoose.wakeups.js';

/**
 * Wake-ups as documents that others see come in through a change stream. Each is a new one, so that one that is written in
 * a caller's transaction holds up no other transaction; an index on their time lets MongoDB remove them.
 */
export class ChangeStreamChannel implements WakeChannel {
  constructor(
    private readonly wakes: mongo.Collection<WakeDocument>,
    private readonly sender: string,
    private readonly now: () => Promise<number>,
  ) {}

  open(): mongo.ChangeStream<WakeDocument> {
    return this.wakes.watch([{ $match: { operationType: 'insert', 'fullDocument.sender': { $ne: this.sender } } }]);
  }

  async send(at: number): Promise<void> {
    // Whoever misses it polls: not worth waiting for a majority.
    await this.wakes.insertOne(await this.#documentOf(at), { writeConcern: { w: 1 } });
  }

  /** As part of a caller's transaction: the others are told when it is committed. */
  async sendIn(session: mongo.ClientSession, at: number): Promise<void> {
    await this.wakes.insertOne(await this.#documentOf(at), { session });
  }

  async #documentOf(dueAt: number): Promise<WakeDocument> {
    return { at: new Date(await this.now()), sender: this.sender, dueAt };
  }
}
