import { describe, expect, it } from 'vitest';
import { keysOf } from '../../../../lib/stores/redis/redis.keys.js';

const DEFAULTS = { tasksKey: 'asyncz.tasks', runTimesKey: 'asyncz.run_times', keyPrefix: '', database: 0 };

/** What Redis Cluster hashes of a key: the text in the first pair of braces, or all of it. */
function hashed(key: string): string {
  const open = key.indexOf('{');
  const close = open < 0 ? -1 : key.indexOf('}', open + 1);
  return close > open + 1 ? key.slice(open + 1, close) : key;
}

describe('the keys of a Redis store', () => {
  it.each([
    ['the default names', {}],
    ['names without a hash tag', { tasksKey: 'my tasks', runTimesKey: 'times' }],
    ['names with one hash tag', { tasksKey: '{app}.tasks', runTimesKey: '{app}.times' }],
    ['a hash tag in one of the names', { tasksKey: '{app}.tasks' }],
    ['a prefix of the client', { keyPrefix: 'app:' }],
    ['a prefix with a hash tag', { keyPrefix: '{app}:' }],
  ])('are in one slot with %s', (_, options) => {
    const all = { ...DEFAULTS, ...options };
    const keys = keysOf(all).all.map((key) => all.keyPrefix + key);
    expect(new Set(keys.map(hashed)).size).toBe(1);
    expect(new Set(keys).size).toBe(18);
  });

  it('have the hash of tasks by the name that was given', () => {
    expect(keysOf({ ...DEFAULTS, tasksKey: 'mine' }).all[0]).toBe('mine');
    expect(keysOf({ ...DEFAULTS, runTimesKey: 'mine' }).all[7]).toBe('{asyncz.tasks}:mine');
    expect(keysOf({ ...DEFAULTS, tasksKey: '{a}t', runTimesKey: '{a}r' }).all[7]).toBe('{a}r');
  });

  it('are refused when they cannot be brought into one slot', () => {
    expect(() => keysOf({ ...DEFAULTS, tasksKey: 'a{b' })).toThrow(/tasksKey/);
    expect(() => keysOf({ ...DEFAULTS, tasksKey: '{a}t', runTimesKey: '{b}r' })).toThrow(/runTimesKey.*\{a\}/);
    expect(() => keysOf({ ...DEFAULTS, runTimesKey: 'r}' })).toThrow(/runTimesKey/);
  });

  it('have a channel of wake-ups for each database, the same whether the prefix is written out or an option', () => {
    expect(keysOf(DEFAULTS).wakeChannel).not.toBe(keysOf({ ...DEFAULTS, database: 1 }).wakeChannel);
    const byOption = keysOf({ ...DEFAULTS, keyPrefix: 'app:' });
    expect(byOption.wakeChannel).toContain('app:asyncz.tasks');
  });
});
