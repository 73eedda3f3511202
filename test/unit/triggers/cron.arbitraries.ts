import fc from 'fast-check';

/** Zones whose clocks change, with instants near their changes. */
export const ZONES = [
  'UTC',
  'America/New_York',
  'Europe/Lisbon',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Asia/Kathmandu',
  'America/Sao_Paulo',
  'America/St_Johns',
  'Africa/Casablanca',
  'Asia/Gaza',
];

/** Changes of clocks: gaps and overlaps of an hour, half an hour, a day, at midnight, at a minute past it. */
export const CHANGES: readonly (readonly [string, number])[] = [
  ['America/New_York', Date.UTC(2024, 2, 10, 7)],
  ['America/New_York', Date.UTC(2024, 10, 3, 6)],
  ['Europe/Lisbon', Date.UTC(2024, 2, 31, 1)],
  ['Europe/Lisbon', Date.UTC(2024, 9, 27, 1)],
  ['Australia/Lord_Howe', Date.UTC(2024, 3, 6, 15)],
  ['Australia/Lord_Howe', Date.UTC(2024, 9, 5, 15, 30)],
  ['Pacific/Apia', Date.UTC(2011, 11, 30, 10)],
  ['Pacific/Apia', Date.UTC(2012, 2, 31, 14)],
  ['America/Sao_Paulo', Date.UTC(2017, 9, 15, 3)],
  ['America/Sao_Paulo', Date.UTC(2018, 1, 18, 2)],
  ['America/St_Johns', Date.UTC(2009, 2, 8, 3, 31)],
  ['America/St_Johns', Date.UTC(2009, 10, 1, 2, 31)],
  ['Africa/Casablanca', Date.UTC(2024, 2, 10, 2)],
  ['Africa/Casablanca', Date.UTC(2024, 3, 14, 2)],
  ['Asia/Gaza', Date.UTC(2024, 3, 20, 0)],
  ['America/Noronha', Date.UTC(2000, 9, 8, 2)],
  // Changes that lie across the end of a chunk in which the zone keeps them.
  ['Europe/Lisbon', Date.UTC(2065, 9, 25, 1)],
  ['Europe/Chisinau', Date.UTC(2065, 9, 25, 0)],
  ['Asia/Beirut', Date.UTC(2083, 2, 27, 22)],
];

function part(min: number, max: number): fc.Arbitrary<string> {
  const value = fc.integer({ min, max });
  const step = fc.integer({ min: 1, max: Math.max(1, Math.floor((max - min) / 2)) });
  const range = fc.tuple(value, value).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`);
  return fc.oneof(
    { weight: 4, arbitrary: value.map(String) },
    { weight: 2, arbitrary: range },
    { weight: 2, arbitrary: step.map((n) => `*/${n}`) },
    { weight: 1, arbitrary: fc.tuple(range, step).map(([r, n]) => `${r}/${n}`) },
  );
}

/** A field of numbers; `*` as often as people write it. */
export function field(min: number, max: number, anyWeight = 3): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: anyWeight, arbitrary: fc.constant('*') },
    { weight: 3, arbitrary: part(min, max) },
    { weight: 1, arbitrary: fc.array(part(min, max), { minLength: 2, maxLength: 3 }).map((parts) => parts.join(',')) },
  );
}

/** A five-field expression that five-field crons agree about. */
export const expression = fc
  .tuple(field(0, 59, 1), field(0, 23, 2), field(1, 31, 6), field(1, 12, 8), field(0, 6, 6))
  .map((fields) => fields.join(' '));

export const zone = fc.constantFrom(...ZONES);

/** An instant from 1971 to 2199. */
export const instant = fc.integer({ min: Date.UTC(1971, 0, 1), max: Date.UTC(2199, 0, 1) });

/** A zone and an instant within three days of one of its changes of clocks. */
export const nearChange = fc
  .tuple(fc.constantFrom(...CHANGES), fc.integer({ min: -3 * 86_400_000, max: 86_400_000 }))
  .map(([[timezone, change], distance]) => ({ timezone, now: change + distance }));
