import type { KnownChange } from '../../model/change.js';
import type { Exchange, Exchanged, Taken, TakeRequest, Written } from '../exchange.interface.js';
import { leaseOf } from '../exchange.js';
import type { FailedChange } from '../selection.interface.js';
import type { RedisDueIndex } from './redis.due-index.js';
import type { Entry, Outcome } from './redis.entries.js';
import type { RedisRecordsCodec } from './redis.records-codec.js';
import type { RedisScripts } from './redis.scripts.js';
import { takeDue } from './redis.taking.js';

/** A known change as it is sent. */
interface Sent {
  readonly id: string;
  readonly entry: Entry;
}

/** `Store.exchange` on Redis: one script a call, which writes first and takes then. */
export class RedisExchanger {
  constructor(
    private readonly scripts: RedisScripts,
    private readonly records: RedisRecordsCodec,
    private readonly index: RedisDueIndex,
    private readonly readable: () => readonly string[],
  ) {}

  async exchange({ write = [], take }: Exchange): Promise<Exchanged> {
    const failed: FailedChange[] = [];
    const sent = this.#sent(write, failed);
    const entries = sent.map(({ entry }) => entry);
    if (!take) {
      const { outcomes } = await this.scripts.write(entries);
      return { written: writtenBy(sent, outcomes, failed), taken: null };
    }
    const { taken, outcomes } = await this.#take(take, entries);
    return { written: writtenBy(sent, outcomes, failed), taken };
  }

  /** What cannot be encoded fails by itself. */
  #sent(changes: readonly KnownChange[], failed: FailedChange[]): Sent[] {
    const nonce = this.scripts.nonce();
    const sent: Sent[] = [];
    for (const change of changes) {
      const { id } = change.from;
      try {
        sent.push({ id, entry: this.#entryOf(change, nonce) });
      } catch (error) {
        failed.push({ id, error });
      }
    }
    return sent;
  }

  #entryOf({ from, task, history }: KnownChange, nonce: string): Entry {
    const { records } = this;
    const guard = `${from.version} ${from.lastToken} `;
    if (task === null) return records.drop(from.id, from.definition, guard, history);
    const next = { ...task, version: from.version + 1 };
    return task.definition === from.definition
      ? records.stateOnly(next, nonce, guard, history)
      : records.whole(next, nonce, { what: 'set', guard }, history);
  }

  async #take(
    request: TakeRequest,
    entries: readonly Entry[],
  ): Promise<{ taken: Taken; outcomes: readonly Outcome[] }> {
    const { scripts, index } = this;
    const { leaseMs: hold, ...due } = request;
    const token = scripts.nonce();
    const peek = index.request(request);
    const around = { entries, peek };
    const took = await takeDue(scripts, this.records, this.readable(), { ...due, hold, token }, around);
    const { storeNow, peeked, outcomes, parked } = took;
    if (parked.length > 0) await scripts.write(parked);
    const tasks = took.tasks.map(({ task, takenAt }) => ({ task, lease: leaseOf(task, takenAt, request) }));
    const nextDue = () => index.nextDue(request, parked.length > 0 ? null : peeked);
    return { taken: { tasks, storeNow, nextDue }, outcomes };
  }
}

function writtenBy(sent: readonly Sent[], outcomes: readonly Outcome[], failed: readonly FailedChange[]): Written {
  const lost: string[] = [];
  const all = [...failed];
  let written = 0;
  // An iterator of entries makes two objects a change.
  for (let at = 0; at < sent.length; at += 1) {
    const { id } = sent[at]!;
    const outcome = outcomes[at]!;
    if (outcome === 'ok') written += 1;
    else if (outcome instanceof Error) all.push({ id, error: outcome });
    else lost.push(id);
  }
  // Whoever asked has nothing to go on with.
  if (all[0] && written === 0 && lost.length === 0) throw all[0].error;
  return { lost, failed: all };
}
