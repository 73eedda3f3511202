/**
 * The members of a union of texts, as a list that the compiler completes: it wants each of them, and no other.
 *
 * ```ts
 * const OPTIONS = namesOf<keyof RetentionOptions>({ count: 0, age: 0, failuresLonger: 0 });
 * ```
 *
 * A plain `readonly (keyof RetentionOptions)[]` compiles without an option that was added later, and that option is then
 * refused as unknown at run time.
 */
export function namesOf<Name extends string>(names: Readonly<Record<Name, 0>>): readonly Name[] {
  return Object.keys(names) as Name[];
}
