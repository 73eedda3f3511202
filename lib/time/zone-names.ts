import { editDistance } from '../errors/nearest-name.js';

/** The names that `Intl` lists, made once: the list takes a millisecond. */
let names: readonly string[] | null = null;

function zoneNames(): readonly string[] {
  names ??= ['UTC', ...Intl.supportedValuesOf('timeZone')];
  return names;
}

/** The longest name that is compared: what is longer is no misspelt zone. */
const MAX_LENGTH = 40;

/**
 * The IANA name that was probably meant: the same city in another region, or the name that needs the fewest changed
 * letters. Null when none is close.
 */
export function suggestTimezone(text: string): string | null {
  if (text.length > MAX_LENGTH * 2) return null;
  const wanted = normalize(text);
  if (wanted === '' || wanted.length > MAX_LENGTH) return null;
  const wantedCity = wanted.slice(wanted.lastIndexOf('/') + 1);
  let best: string | null = null;
  let bestDistance = Infinity;
  for (const name of zoneNames()) {
    const known = normalize(name);
    if (known === wanted) return name;
    const city = known.slice(known.lastIndexOf('/') + 1);
    // The same city under another region, or without one, is nearer than any misspelling.
    const distance =
      city === wantedCity ? 0.5 : Math.min(editDistance(wanted, known), editDistance(wantedCity, city) + 0.75);
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return bestDistance <= Math.max(1.75, wantedCity.length / 4) ? best : null;
}

function normalize(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9/]/g, '');
}
