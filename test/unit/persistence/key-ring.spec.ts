import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { EncryptionDisabledError, WeakSecretError } from '../../../lib/errors/persistence.errors.js';
import { KeyRing, resolveKeyRing } from '../../../lib/persistence/key-ring.js';

const A = 'secret A is long enough';
const B = 'secret B is long enough';
const ids = (...secrets: readonly string[]) => secrets.flatMap((secret) => KeyRing.create([secret]).ids());

describe('a key ring', () => {
  it('writes with the first secret and reads with all', () => {
    const ring = KeyRing.create([A, B, A]);
    expect(ring.ids()).toEqual(ids(A, B));
    expect(ring.writer?.id).toBe(ids(A)[0]);
    expect(ring.find(ids(B)[0]!)).toBeDefined();
    expect(ring.find('constructor')).toBeUndefined();
  });

  it('gives a secret the same id everywhere and for ever', () => {
    expect(ids('correct horse battery staple')).toEqual(['124c19daaf6f']);
  });

  it('shows neither a secret nor a key to whoever prints it', () => {
    const shown = `${inspect(KeyRing.create([A]), { depth: 9, showHidden: true })}${JSON.stringify(KeyRing.create([A]))}`;
    expect(shown).not.toContain(A);
    expect(shown).not.toMatch(/[0-9a-f]{32}/);
  });

  it('refuses a secret that is too short, without showing it', () => {
    const weak = 'only 15 bytes..';
    expect(() => KeyRing.create([A, weak])).toThrow(WeakSecretError);
    expect(() => KeyRing.create([A, weak])).toThrow(/Secret 2 for encryption is 15 bytes long.*Allowed: 16 bytes/);
    for (const make of [() => KeyRing.create([A, weak]), () => KeyRing.create(`${weak},${A}`)]) {
      try {
        make();
        expect.unreachable();
      } catch (error) {
        expect(inspect(error, { depth: 9 }).replaceAll(/^\s+at .*$/gm, '')).not.toContain(weak);
        expect((error as WeakSecretError).code).toBe('ASYNCZ_WEAK_SECRET');
      }
    }
    // Counted in bytes, not in characters.
    expect(() => KeyRing.create(['ü'.repeat(8)])).not.toThrow();
    expect(() => KeyRing.create(['x'.repeat(16)])).not.toThrow();
    expect(() => KeyRing.create([`  ${'x'.repeat(15)}  `])).toThrow(WeakSecretError);
  });

  it('refuses what are no secrets, without showing them', () => {
    for (const secrets of [[], [''], '', ' , ', [A, 7], [undefined], null, 7, { a: A }, Buffer.from(A)]) {
      try {
        KeyRing.create(secrets as string[]);
        expect.unreachable();
      } catch (error) {
        expect((error as { code?: string }).code).toBe('ASYNCZ_INVALID_OPTION');
        expect((error as Error).message).not.toContain(A);
      }
    }
  });

  it('takes secrets from the environment, separated by commas', () => {
    expect(KeyRing.fromEnvironment({ ASYNCZ_STORE_ENCRYPTION_KEY: `${A}, ${B}\n` })?.ids()).toEqual(ids(A, B));
    expect(KeyRing.fromEnvironment({ ASYNCZ_STORE_ENCRYPTION_KEY: `${A},` })?.writer?.id).toBe(ids(A)[0]);
    for (const value of ['', '  ', ',', undefined]) {
      expect(KeyRing.fromEnvironment({ ASYNCZ_STORE_ENCRYPTION_KEY: value })).toBeNull();
    }
    expect(() => KeyRing.fromEnvironment({ ASYNCZ_STORE_ENCRYPTION_KEY: 'short' })).toThrow(WeakSecretError);
  });

  it('only reads when the first secret is empty', () => {
    const ring = KeyRing.create(`,${A}`);
    expect(ring.writer).toBeNull();
    expect(ring.ids()).toEqual(ids(A));
  });

  it('has nothing to refresh when nobody gives it further secrets', async () => {
    expect(await KeyRing.create([A]).refresh()).toBe(false);
  });

  it('stays as it was when a refresh fails or would turn encryption off', async () => {
    let answer: () => string[] = () => [A];
    const ring = await KeyRing.fetch(() => answer());
    const answers: [() => string[], RegExp][] = [
      [() => [], /encryption\.keys/],
      [() => ['', A], /a secret that writes, as there was before/],
      [() => [B, 'short'], /Secret 2/],
      [
        () => {
          throw new Error('the service is down');
        },
        /the service is down/,
      ],
    ];
    for (const [next, message] of answers) {
      answer = next;
      await expect(ring.refresh()).rejects.toThrow(message);
      expect(ring.ids()).toEqual(ids(A));
      expect(ring.writer?.id).toBe(ids(A)[0]);
    }
    answer = () => [B, A];
    expect(await ring.refresh()).toBe(true);
    expect(ring.writer?.id).toBe(ids(B)[0]);
  });
});

describe('the option "encryption"', () => {
  const env = { ASYNCZ_STORE_ENCRYPTION_KEY: A };

  it('takes an array, text or a function, and comes before the environment', async () => {
    for (const keys of [[B, A], `${B},${A}`, () => [B, A], async () => Promise.resolve(`${B},${A}`)]) {
      expect((await resolveKeyRing({ keys }, env))?.ids()).toEqual(ids(B, A));
    }
  });

  it('leaves it to the environment when it has no keys', async () => {
    expect((await resolveKeyRing(undefined, env))?.ids()).toEqual(ids(A));
    expect((await resolveKeyRing({ allowPlaintext: true }, env))?.ids()).toEqual(ids(A));
    expect(await resolveKeyRing(undefined, {})).toBeNull();
  });

  it('is no encryption with no keys only where that is said to be meant', async () => {
    expect(await resolveKeyRing({ keys: [], allowPlaintext: true }, env)).toBeNull();
    expect(await resolveKeyRing({ keys: '', allowPlaintext: true }, env)).toBeNull();
    await expect(resolveKeyRing({ keys: [] }, env)).rejects.toThrow(/encryption\.keys: "no secret"/);
    await expect(resolveKeyRing({ keys: () => '' }, env)).rejects.toThrow(/encryption\.keys/);
  });

  it('is refused when it is misspelt', async () => {
    await expect(resolveKeyRing({ key: [A] } as never, env)).rejects.toThrow(/Unknown option "key" of encryption/);
  });

  it('fails with what a function fails with', async () => {
    await expect(resolveKeyRing({ keys: () => Promise.reject(new Error('no access')) }, env)).rejects.toThrow(
      'no access',
    );
  });
});

describe('the error about encrypted records without a key', () => {
  it('names the store and both ways out', () => {
    const error = new EncryptionDisabledError('reports');
    expect(error.code).toBe('ASYNCZ_ENCRYPTION_DISABLED');
    expect(error.message).toMatch(/"reports".*ASYNCZ_STORE_ENCRYPTION_KEY.*allowPlaintext: true/);
  });
});
