import { createHash } from 'node:crypto';

/** How long a name may be that is written out. Far below the 255 bytes of most disks, and 143 of an encrypted one. */
const LONGEST = 120;

/** How much of the name is kept for the eye in front of a hash. */
const HEAD = 40;

/** An id that is its own name. */
const PLAIN = /^[a-z0-9_-][a-z0-9_.-]*$/;

/** Names that Windows takes for devices, whatever follows after a dot. */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/;

/**
 * The file name, without its suffix, of the task with this id: another one for every id, also where the disk takes upper
 * and lower case or composed and decomposed letters for the same.
 *
 * `a` to `z`, digits, `-`, `_` and inner dots stand for themselves; an upper-case letter is `+` and the lower-case one;
 * everything else is its UTF-8 bytes as `%xx`. What gets too long, and text that UTF-8 cannot write, is a hash behind
 * `~`, which no other name contains.
 */
export function encodeFileName(id: string): string {
  if (PLAIN.test(id) && id.length <= LONGEST && !DEVICE.test(id)) return id;
  if (id === '') return '%';
  if (!isWellFormed(id)) return hashed(id);
  let name = '';
  for (const char of id) name += /^[a-z0-9_-]$/.test(char) ? char : encodeChar(char, name === '');
  if (DEVICE.test(name)) name = hex(name.charCodeAt(0)) + name.slice(1);
  return name.length > LONGEST ? `${name.slice(0, HEAD)}${hashed(id)}` : name;
}

/** The id behind a file name; null when the name holds a hash, or is none that {@link encodeFileName} makes. */
export function decodeFileName(name: string): string | null {
  if (name === '%') return '';
  if (name.includes('~')) return null;
  const plain = name.replace(/\+([a-z])/g, (_, letter: string) => hex(letter.toUpperCase().charCodeAt(0)));
  try {
    const id = decodeURIComponent(plain);
    return encodeFileName(id) === name ? id : null;
  } catch {
    // Not UTF-8: no name of ours.
    return null;
  }
}

function encodeChar(char: string, first: boolean): string {
  if (char === '.' && !first) return char;
  if (/^[A-Z]$/.test(char)) return `+${char.toLowerCase()}`;
  let bytes = '';
  for (const byte of Buffer.from(char, 'utf8')) bytes += hex(byte);
  return bytes;
}

function hex(byte: number): string {
  return `%${byte.toString(16).padStart(2, '0')}`;
}

function hashed(id: string): string {
  return `~${createHash('sha256').update(Buffer.from(id, 'utf16le')).digest('hex')}`;
}

/** Half of a surrogate pair has no UTF-8 of its own: two different ids would get the same name. */
function isWellFormed(id: string): boolean {
  return !/\p{Surrogate}/u.test(id);
}
