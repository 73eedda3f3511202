/**
 * Sorts out which of several things to add have an id that stands before them in the list.
 *
 * @returns `distinct`: the first of each id; `repeated`: the id of each further one, as `Store.addTasks` names it.
 */
export function distinctIds<T extends { readonly id: string }>(
  items: readonly T[],
): { readonly distinct: readonly T[]; readonly repeated: readonly string[] } {
  const distinct = new Map<string, T>();
  const repeated: string[] = [];
  for (const item of items) {
    if (distinct.has(item.id)) repeated.push(item.id);
    else distinct.set(item.id, item);
  }
  return { distinct: [...distinct.values()], repeated };
}
