import { describe, expect, expectTypeOf, it } from 'vitest';
import { namesOf } from '../../../lib/model/names.js';

interface Options {
  readonly first?: number;
  readonly second: string;
}

describe('the names of a union', () => {
  it('are a list in the order in which they were written', () => {
    const names = namesOf<keyof Options>({ second: 0, first: 0 });
    expect(names).toEqual(['second', 'first']);
    expectTypeOf(names).toEqualTypeOf<readonly ('first' | 'second')[]>();
  });

  it('do not compile where one is missing or one too many', () => {
    // @ts-expect-error `first` is missing
    expect(namesOf<keyof Options>({ second: 0 })).toEqual(['second']);
    // @ts-expect-error `third` is no option
    expect(namesOf<keyof Options>({ first: 0, second: 0, third: 0 })).toHaveLength(3);
  });
});
