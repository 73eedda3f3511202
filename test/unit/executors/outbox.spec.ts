import { describe, expect, it } from 'vitest';
import type { FromWorker } from '../../../lib/executors/pool/messages.js';
import { Outbox } from '../../../lib/executors/pool/outbox.js';

function create() {
  const sent: string[] = [];
  const tell = (field: string, value: number) =>
    outbox.tell({ field, method: null, args: new Uint8Array([value]), functions: [], call: null });
  const send = (message: FromWorker) => {
    if (message.type === 'call') sent.push(`${message.field} ${message.args[0]}`);
  };
  const outbox = new Outbox(send, 1, (lines) => tell('log', lines));
  return { outbox, sent, tell };
}

describe('the outbox of a run', () => {
  it('sends two hundred calls, and then keeps the latest of each field until some have arrived', () => {
    const { outbox, sent, tell } = create();
    for (let count = 0; count < 300; count += 1) tell('progress', count % 250);
    expect(sent).toHaveLength(200);
    outbox.taken(50);
    expect(sent.slice(200)).toEqual(['progress 49']);
    tell('progress', 7);
    expect(sent.at(-1)).toBe('progress 7');
  });

  it('says how many lines are left out', () => {
    const { outbox, sent, tell } = create();
    for (let count = 0; count < 200; count += 1) tell('progress', 0);
    for (let count = 1; count <= 12; count += 1) tell('log', count);
    outbox.flush();
    // The last one, and the eleven before it.
    expect(sent.slice(200)).toEqual(['log 12', 'log 11']);
  });

  it('has nothing to say where nothing was kept', () => {
    const { outbox, sent, tell } = create();
    tell('log', 1);
    outbox.flush();
    expect(sent).toEqual(['log 1']);
  });
});
