/** How many scripts of one operation are on their way at the same time. */
const IN_FLIGHT = 4;

/** Cuts a list into parts of so many items. */
export function slicesOf<T>(items: readonly T[], size: number): T[][] {
  const slices: T[][] = [];
  for (let at = 0; at < items.length; at += size) slices.push(items.slice(at, at + size));
  return slices;
}

/** Works on all items, some at a time, and gives the results in order. */
export async function inFlight<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const some of slicesOf(items, IN_FLIGHT)) results.push(...(await Promise.all(some.map(work))));
  return results;
}
