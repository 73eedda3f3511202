import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { InvalidOptionError, UnknownOptionError } from '../../../../lib/errors/input.errors.js';
import type { FileStoreOptions } from '../../../../lib/stores/file/file-store.options.js';
import { resolveFileStoreOptions } from '../../../../lib/stores/file/file-store.options.js';
import { FileStore } from '../../../../lib/stores/file/file.store.js';

describe('the options of FileStore', () => {
  it('are filled in with defaults', () => {
    expect(resolveFileStoreOptions({ directory: 'var/tasks' })).toEqual({
      directory: resolve('var/tasks'),
      suffix: '.task',
      mode: 0o700,
      cleanupDirectory: false,
      serializer: undefined,
      fsync: true,
      lockTimeoutMs: 30_000,
    });
  });

  it('are taken as they are given', () => {
    const options = {
      directory: '/srv/tasks',
      suffix: '.job.json',
      mode: 0o770,
      cleanupDirectory: true,
      serializer: 'json',
      fsync: false,
      lockTimeoutMs: 5,
    };
    expect(resolveFileStoreOptions(options)).toEqual(options);
  });

  it('are refused when one does not exist, and the message lists those that do', () => {
    const options = { directory: 'x', dir: 'y' } as FileStoreOptions;
    expect(() => new FileStore(options)).toThrow(UnknownOptionError);
    expect(() => new FileStore(options)).toThrow(/"dir".*FileStore.*"directory".*"cleanupDirectory"/);
  });

  it.each([
    ['directory', [undefined, '', '  ', 'a\0b', 7]],
    ['suffix', ['', 'task', '.', './x', '.a/b', '.task.', '.a b', 7, `.${'x'.repeat(40)}`]],
    ['mode', [0, 0o600, 0o7777, 448.5, '700', NaN]],
    ['cleanupDirectory', ['yes', 1]],
    ['serializer', ['', 7]],
    ['fsync', ['no', 0]],
    ['lockTimeoutMs', [0, -1, 1.5, Infinity, '30s']],
  ])('are refused with the value and what is allowed: %s', (name, values) => {
    for (const value of values) {
      const options = { directory: 'x', [name]: value } as FileStoreOptions;
      expect(() => new FileStore(options), String(value)).toThrow(InvalidOptionError);
      expect(() => new FileStore(options)).toThrow(new RegExp(`Invalid ${name}: .*Allowed: `));
    }
  });

  it('are refused when there are none', () => {
    expect(() => new FileStore(undefined as unknown as FileStoreOptions)).toThrow(InvalidOptionError);
  });
});
