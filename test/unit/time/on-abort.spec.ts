import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { onAbort } from '../../../lib/time/on-abort.js';

describe('what is called when a signal is aborted', () => {
  it('is all of it, once each, with one listener of the signal', () => {
    const { signal, abort } = controlled();
    const called: number[] = [];
    for (let n = 0; n < 30; n += 1) onAbort(signal, () => called.push(n));
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    abort();
    abort();
    expect(called).toEqual(Array.from({ length: 30 }, (_, n) => n));
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('is not what was taken back, and the last one leaves no listener', () => {
    const { signal, abort } = controlled();
    const called: string[] = [];
    const listener = () => void called.push('same');
    const forget = [onAbort(signal, listener), onAbort(signal, listener)];
    forget[0]!();
    forget[0]!();
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    forget[1]!();
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    onAbort(signal, listener);
    abort();
    forget[1]!();
    expect(called).toEqual(['same']);
  });
});

function controlled() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}
