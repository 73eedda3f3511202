import { describe, expect, it } from 'vitest';
import { parseStores } from '../../../lib/cli/target/store.urls.js';

const parse = (...given: string[]) => parseStores(given, '/app');

describe('the URLs of --store', () => {
  it.each([
    ['memory:', { type: 'memory' }],
    ['file:./tasks', { type: 'file', directory: '/app/tasks' }],
    ['file:/var/tasks', { type: 'file', directory: '/var/tasks' }],
    ['file:///var/my%20tasks', { type: 'file', directory: '/var/my tasks' }],
    ['file:tasks#suffix=.task', { type: 'file', directory: '/app/tasks', suffix: '.task' }],
    ['sqlite:./x.db', { type: 'typeorm', url: 'sqlite:/app/x.db' }],
    ['sqlite:///var/x.db', { type: 'typeorm', url: 'sqlite:/var/x.db' }],
    ['postgres://u:p@h:1/db?ssl=true', { type: 'typeorm', url: 'postgres://u:p@h:1/db?ssl=true' }],
    [
      'postgresql://h/db#tableName=jobs&notify=false',
      { type: 'typeorm', url: 'postgresql://h/db', tableName: 'jobs', notify: false },
    ],
    ['mysql://h/db', { type: 'typeorm', url: 'mysql://h/db' }],
    ['mariadb://h/db', { type: 'typeorm', url: 'mariadb://h/db' }],
    ['redis://h:1/2', { type: 'redis', url: 'redis://h:1/2' }],
    ['rediss://h', { type: 'redis', url: 'rediss://h' }],
    ['mongodb://h/db?replicaSet=rs', { type: 'mongodb', url: 'mongodb://h/db?replicaSet=rs' }],
    ['mongodb+srv://h/db', { type: 'mongodb', url: 'mongodb+srv://h/db' }],
  ])('reads %s', (url, store) => {
    expect(parse(url)).toEqual({ default: store });
    expect(parse(`my-store.1=${url}`)).toEqual({ 'my-store.1': store });
  });

  it('takes several stores, and no alias twice', () => {
    expect(Object.keys(parse('memory:', 'old=redis://h'))).toEqual(['default', 'old']);
    expect(() => parse('a=memory:', 'a=redis://h')).toThrow('the alias "a"');
  });

  it.each(['', 'memory', 'redis://', 'oracle://h/db', 'postgres:db', 'x=', 'file:', 'sqlite:'])(
    'refuses %j in a sentence that says what is allowed',
    (url) => {
      expect(() => parse(url)).toThrow(expect.objectContaining({ code: 'ASYNCZ_CLI_USAGE' }));
    },
  );

  it('shows no password of what it refuses', () => {
    expect(() => parse('oracle://scott:tiger@h/db')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('tiger') }),
    );
    expect(() => parse('a=scott:tiger@h')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('tiger') }),
    );
  });
});
