import { expect, it } from 'vitest';
import { SettableClock } from 'nestjs-asyncz';

it('a clock that is told to move shows whole milliseconds, as the wall clock does, also to a timer of part of one', () => {
  const clock = new SettableClock(1_000);
  const seen: number[] = [];
  clock.schedule(() => seen.push(clock.now()), 0.7);
  clock.schedule(() => seen.push(clock.now()), 1.2);
  clock.advance(2);
  expect(seen).toEqual([1_000, 1_001]);
  expect(clock.now()).toBe(1_002);
});
