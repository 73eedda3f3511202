/**
 * What a terminal would obey or what would change the order of what is read: control characters (C0, DEL, C1) and marks of the
 * direction of text. Ids, names and errors come from whoever could add a task.
 */
// oxlint-disable-next-line no-control-regex
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]/g;

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** A text on one line of which a terminal obeys nothing: what cannot be shown is written as an escape. */
export function terminalText(text: string): string {
  return text.replace(UNSAFE, (character) => SHORT[character] ?? escapeOf(character));
}

/** The same of a text of several lines, which keeps its lines. */
export function terminalLines(text: string): string {
  return text.split(/\r?\n/).map(terminalText).join('\n');
}

/** JSON of which a terminal obeys nothing. It is the same value when it is parsed. */
export function terminalJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replace(UNSAFE, (character) =>
    // JSON has escaped those below a space already, so that what is left of them is its own layout.
    character < ' ' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function escapeOf(character: string): string {
  const code = character.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}

/** Takes passwords out of what is told: those of URLs, and the secrets that are known. */
export function withoutSecrets(text: string, secrets: readonly string[] = []): string {
  const without = text.replace(/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@"'<>]*(?:\/[^\s@"'<>]*)?@/gi, '$1***@');
  return secrets.reduce((left, secret) => (secret.length < 4 ? left : left.replaceAll(secret, '***')), without);
}
