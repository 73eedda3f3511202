import { describe, expect, it } from 'vitest';
import { versionProblem } from '../../../../lib/stores/typeorm/connection/server.version.js';

describe('the version of a database server', () => {
  it.each([
    ['PostgreSQL', '13.0'],
    ['PostgreSQL', '15.20 (Debian 15.20-0+deb12u1)'],
    ['PostgreSQL', '18beta1'],
    ['MySQL', '8.0.36'],
    ['MySQL', '9.7.4-2'],
    ['MySQL', '8.0.11-TiDB-v7.5.0'],
    ['MariaDB', '10.6.12-MariaDB'],
    ['MariaDB', '5.5.5-10.11.19-MariaDB-0+deb12u1'],
    ['MariaDB', '11.8.9-MariaDB-4 from Debian'],
    ['MySQL', 'something else'],
    ['SQLite', '3.43.0'],
    ['SQLite', '3.53.1'],
  ] as const)('will do where it is %s %s', (product, text) => {
    expect(versionProblem({ product, text })).toBeNull();
  });

  it.each([
    ['PostgreSQL', '11.22', '13.0'],
    ['PostgreSQL', '9.6.24', '13.0'],
    ['MySQL', '5.7.44-log', '8.0'],
    ['MariaDB', '10.5.23-MariaDB-0+deb11u1', '10.6'],
    ['MariaDB', '5.5.5-10.4.1-MariaDB', '10.6'],
    ['SQLite', '3.42.0', '3.43'],
  ] as const)('is too old where it is %s %s', (product, text, oldest) => {
    expect(versionProblem({ product, text })).toBe(`it is ${product} ${text}, and ${oldest} or later is needed`);
  });
});
