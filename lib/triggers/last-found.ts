/**
 * The last time that a search from `from` up to `limit` can find, by looking back in growing steps and then halving the span:
 * most often it is near the limit.
 *
 * @param search The first time at or after the given one, up to the limit; null when there is none.
 */
export function lastFound(from: number, limit: number, search: (time: number) => number | null): number | null {
  const first = search(from);
  if (first === null) return null;
  let low = first;
  let high = limit;
  for (let back = 1_000; back < limit - first; back *= 8) {
    const found = search(limit - back);
    if (found !== null) {
      low = found;
      break;
    }
    high = limit - back;
  }
  while (low < high) {
    const middle = low + Math.ceil((high - low) / 2);
    const found = search(middle);
    if (found !== null) low = found;
    else high = middle - 1;
  }
  return low;
}
