/**
 * Where the database servers of the tests are: what the environment says, or the usual port of this machine. `npm test`
 * finds or starts them and sets these variables.
 */
function urlOf(name: string, fallback: string): string {
  return process.env[`ASYNCZ_TEST_${name}_URL`] ?? fallback;
}

export const postgresUrl = (): string => urlOf('POSTGRES', 'postgres://postgres@127.0.0.1:5432/postgres');

export const mysqlUrl = (): string => urlOf('MYSQL', 'mysql://root@127.0.0.1:3306/test');

export const redisUrl = (): string => urlOf('REDIS', 'redis://127.0.0.1:6379');
