import { describe, expect, it } from 'vitest';
import { versionProblem } from '../../../../lib/stores/redis/redis.server-check.js';

const info = (version: string) => `# Server\r\nredis_version:${version}\r\nredis_mode:standalone\r\n`;

describe('the version of a Redis server', () => {
  it.each(['6.2.0', '6.2.14', '7.0.15', '8.0.6', '10.0.0'])('will do where it is %s', (version) => {
    expect(versionProblem(info(version))).toBeNull();
  });

  it.each(['6.0.16', '5.0.14', '4.0.0'])('is too old where it is %s', (version) => {
    expect(versionProblem(info(version))).toBe(`it is Redis ${version}, and 6.2 or later is needed`);
  });

  it.each(['', '# Server\r\n', info('unstable')])(
    'is not complained about where the server does not tell: %j',
    (text) => {
      expect(versionProblem(text)).toBeNull();
    },
  );
});
