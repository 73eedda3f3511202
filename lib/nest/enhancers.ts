/** What Nest keeps on a class or a method of each kind of enhancer, under keys of its own. */
const KINDS = Object.entries({
  __guards__: 'guards',
  __interceptors__: 'interceptors',
  __pipes__: 'pipes',
  __exceptionFilters__: 'exception filters',
});

/**
 * Says which enhancers a method has that Nest applies to requests alone: `guards (RolesGuard), pipes (ValidationPipe)`.
 *
 * @param functions The functions of the method, and the class that has it.
 * @returns null when there are none.
 */
export function describeEnhancers(functions: readonly unknown[]): string | null {
  const kinds = KINDS.flatMap(([key, kind]) => {
    const names = functions
      .filter((one) => typeof one === 'function')
      .flatMap((one) => (Reflect.getMetadata(key, one) ?? []) as unknown[])
      .map(nameOf);
    return names.length === 0 ? [] : [`${kind} (${[...new Set(names)].join(', ')})`];
  });
  return kinds.length === 0 ? null : kinds.join(', ');
}

/** An enhancer is a class, or an object of one. */
function nameOf(enhancer: unknown): string {
  if (typeof enhancer === 'function') return enhancer.name;
  return (enhancer as { constructor?: { name?: string } } | null)?.constructor?.name ?? String(enhancer);
}
