/** Numbers from 0 to 1 that are the same in every run (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

type Random = () => number;

const HOSTILE_TEXT = [
  '',
  '"',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '\\',
  '\\u',
  '\u0000',
  '\ud800',
  '1e999',
  '-0',
  'null',
  'true',
  '"__proto__":{"polluted":1},',
  '{"__proto__":{"polluted":1}}',
  '"constructor":{"prototype":{"polluted":1}},',
  '\\u005f_proto__',
  '['.repeat(2_000),
  '{"a":'.repeat(2_000),
  '9'.repeat(400),
  '["Function","return process"]',
  '["RegExp","(a+)+$"]',
  '[-7,4294967295]',
];

const HOSTILE_VALUES: readonly unknown[] = [
  null,
  true,
  -1,
  1.5,
  1e308,
  2 ** 60,
  '',
  'text',
  '__proto__',
  'constructor',
  '../../x.js',
  [],
  {},
  [[]],
  [null],
  { length: 4_294_967_295 },
  { toJSON: 1 },
  '[[1],["Map",1,1]]',
  '[[-7,4294967295]]',
  '[[1],["Set",0]]',
];

const HOSTILE_KEYS = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'serialized',
  'args',
  'encryption',
  'payload',
];

function pick<T>(from: readonly T[], random: Random): T {
  return from[Math.floor(random() * from.length)]!;
}

/** The text of a record with one to three things changed: bytes, pieces, or parts of what it means as JSON. */
export function mutate(text: string, other: string, random: Random): string {
  let mutated = text;
  const times = 1 + Math.floor(random() * 3);
  for (let time = 0; time < times; time += 1) mutated = pick(WAYS, random)(mutated, random, other);
  return mutated;
}

const WAYS: readonly ((text: string, random: Random, other: string) => string)[] = [
  flipBit,
  flipBit,
  (text, random) => splice(text, random, 0, pick(HOSTILE_TEXT, random)),
  (text, random) => splice(text, random, 1 + Math.floor(random() * 20), ''),
  (text, random) => splice(text, random, 1 + Math.floor(random() * 200), pick(HOSTILE_TEXT, random)),
  (text, random) => text.slice(0, Math.floor(random() * text.length)),
  (text, random, other) => splice(text, random, 0, other.slice(Math.floor(random() * other.length)).slice(0, 100)),
  (text, random, other) => {
    const at = Math.floor(random() * text.length);
    return text.slice(0, at) + other.slice(at);
  },
  changeJson,
  changeJson,
  changeJson,
];

function flipBit(text: string, random: Random): string {
  const bytes = Buffer.from(text);
  if (bytes.length === 0) return text;
  bytes[Math.floor(random() * bytes.length)]! ^= 1 << Math.floor(random() * 8);
  return bytes.toString('utf8');
}

function splice(text: string, random: Random, length: number, inserted: string): string {
  const at = Math.floor(random() * (text.length + 1));
  return text.slice(0, at) + inserted + text.slice(at + length);
}

/** Changes one part of the JSON: its value, its key, or whether it is there. */
function changeJson(text: string, random: Random): string {
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch {
    return text;
  }
  let parent = root;
  for (let depth = 0; depth < 6 && typeof parent === 'object' && parent !== null; depth += 1) {
    const keys = Object.keys(parent);
    if (keys.length === 0) break;
    const key = pick(keys, random);
    const holder = parent as Record<string, unknown>;
    const child = holder[key];
    if (typeof child === 'object' && child !== null && random() < 0.6) {
      parent = child;
      continue;
    }
    const way = random();
    if (way < 0.5) holder[key] = pick(HOSTILE_VALUES, random);
    else if (way < 0.65) delete holder[key];
    else if (way < 0.85) define(holder, pick(HOSTILE_KEYS, random), pick(HOSTILE_VALUES, random));
    else if (typeof child === 'string') holder[key] = splice(child, random, 1, pick(HOSTILE_TEXT, random));
    else holder[key] = [child];
    break;
  }
  return JSON.stringify(root);
}

/** As `JSON.parse` does it: a member like any other, even one that is called `__proto__`. */
function define(holder: object, key: string, value: unknown): void {
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
}
