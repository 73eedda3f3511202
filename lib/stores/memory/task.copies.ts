/** A deep copy of plain data that nobody can change. */
export function frozenCopy<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return Object.freeze(value.map(frozenCopy)) as T;
  // A spread makes own properties whatever the name, so that "__proto__" stays a name; assigning to one keeps it so.
  const copy = { ...value } as Record<string, unknown>;
  for (const key in copy) {
    const child = copy[key];
    if (typeof child === 'object' && child !== null) copy[key] = frozenCopy(child);
  }
  return Object.freeze(copy) as T;
}

/** A copy of arguments that whoever gets it may change. */
export function copyArgs(args: readonly unknown[]): readonly unknown[] {
  return args.every((value) => typeof value !== 'object' || value === null) ? [...args] : structuredClone(args);
}
