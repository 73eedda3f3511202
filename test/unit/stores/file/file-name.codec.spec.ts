import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeFileName, encodeFileName } from '../../../../lib/stores/file/file-name.codec.js';

describe('the file name of a task', () => {
  it('says the id where that is plain', () => {
    expect(encodeFileName('reports.nightly-2_a')).toBe('reports.nightly-2_a');
    expect(encodeFileName('ReportsService.nightly')).toBe('+reports+service.nightly');
    expect(encodeFileName('a b/ü')).toBe('a%20b%2f%c3%bc');
  });

  it('can be no path, no hidden file and no device of Windows', () => {
    for (const id of ['.', '..', '../../etc/passwd', '/', '\\', 'C:\\x', '.hidden', 'nul', 'CON.txt', 'com1', '']) {
      const name = encodeFileName(id);
      expect(name).not.toMatch(/[/\\:]/);
      expect(name).not.toMatch(/^\./);
      expect(name).not.toMatch(/^(con|nul|prn|aux|com\d|lpt\d)(\.|$)/i);
      expect(name).not.toBe('');
      expect(decodeFileName(name)).toBe(id);
    }
  });

  it('is short enough for any disk, and another one for every long id', () => {
    const ids = ['x'.repeat(200), `${'x'.repeat(199)}y`, '😀'.repeat(50), 'É'.repeat(300), 'x'.repeat(100_000)];
    const names = ids.map(encodeFileName);
    for (const name of names) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(120);
    expect(new Set(names).size).toBe(ids.length);
    expect(names.map(decodeFileName)).toEqual(ids.map(() => null));
  });

  it('tells halves of surrogate pairs apart, which UTF-8 does not', () => {
    const ids = ['\ud800', '\ud801', '\udc00', '\ufffd', 'a\ud800'];
    expect(new Set(ids.map(encodeFileName)).size).toBe(ids.length);
  });

  it('is another one for every id, also on a disk that takes upper and lower case or composed letters for the same', () => {
    const id = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom(...'aAbB.%+~-_/e0'.split(''), 'é', '\u0301') }),
    );
    fc.assert(
      fc.property(id, id, (a, b) => {
        const names = [a, b].map((one) => encodeFileName(one).normalize('NFC').toLowerCase());
        expect(names[0] === names[1]).toBe(a === b);
      }),
      { numRuns: 5_000 },
    );
  });

  it('gives the id back, unless it holds a hash', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (id) => {
        const name = encodeFileName(id);
        expect(decodeFileName(name)).toBe(name.includes('~') ? null : id);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is not taken from a name that it never makes', () => {
    for (const name of ['README', 'a b', '%41', '%zz', '%', '%c3', '.x', 'nul', 'a~b', '%2e.', '+1']) {
      const id = decodeFileName(name);
      if (id !== null) expect(encodeFileName(id)).toBe(name);
    }
    expect(decodeFileName('README')).toBeNull();
    expect(decodeFileName('%41')).toBeNull();
    expect(decodeFileName('nul')).toBeNull();
  });
});
