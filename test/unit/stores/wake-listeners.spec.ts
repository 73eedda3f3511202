import { describe, expect, it } from 'vitest';
import { WakeListeners } from '../../../lib/stores/wake-listeners.js';

function createListeners() {
  const errors: unknown[] = [];
  const listeners = new WakeListeners();
  return { listeners, errors, logger: { error: (_message: string, error?: unknown) => void errors.push(error) } };
}

describe('WakeListeners', () => {
  it('calls a listener as often as it was added', () => {
    const { listeners, logger } = createListeners();
    let calls = 0;
    const listener = () => void (calls += 1);
    const end = listeners.add(listener);
    listeners.add(listener);
    listeners.call(logger);
    expect(calls).toBe(2);
    end();
    end();
    expect(listeners.size).toBe(1);
    listeners.call(logger);
    expect(calls).toBe(3);
  });

  it('logs what a listener throws, and calls the others', () => {
    const { listeners, errors, logger } = createListeners();
    const failure = new Error('a listener that throws');
    let calls = 0;
    listeners.add(() => {
      throw failure;
    });
    listeners.add(() => void (calls += 1));
    listeners.call(logger);
    expect([calls, errors]).toEqual([1, [failure]]);
  });

  it('calls nobody once it is cleared', () => {
    const { listeners, logger } = createListeners();
    let calls = 0;
    listeners.add(() => void (calls += 1));
    listeners.clear();
    listeners.call(logger);
    expect(calls).toBe(0);
  });
});
