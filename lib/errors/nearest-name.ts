/** What is longer is no misspelt name, and is not compared. */
const MAX_LENGTH = 40;

/** How many letters have to be put in, taken out or changed to get from one text to the other. */
export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current[j] = Math.min(change, previous[j]! + 1, current[j - 1]! + 1);
    }
    previous = current;
  }
  return previous[b.length]!;
}

/**
 * The name that was probably meant; null when none is near.
 *
 * @param maxDistance How many letters may differ.
 */
export function nearestName(text: string, names: Iterable<string>, maxDistance: number): string | null {
  if (text.length > MAX_LENGTH) return null;
  let best: string | null = null;
  let bestDistance = maxDistance + 1;
  for (const name of names) {
    const distance = editDistance(text, name);
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}
