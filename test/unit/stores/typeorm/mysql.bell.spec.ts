import { DataSource } from 'typeorm';
import { expect, it } from 'vitest';
import { MACHINE } from '../../../../lib/model/clock.js';
import { MysqlBell } from '../../../../lib/stores/typeorm/connection/mysql.bell.js';

it('gives up, with the reason, where a data source has several servers', async () => {
  const master = { host: '127.0.0.1' };
  const dataSource = new DataSource({ type: 'mysql', replication: { master, slaves: [] } });
  const log: string[] = [];
  const logger = { debug() {}, error() {}, info() {}, warn: (message: string) => log.push(message) };
  const bell = new MysqlBell({ dataSource, channel: 'c', clock: MACHINE, logger, onRing: () => {} });
  await bell.open();
  expect(bell.isHeard).toBe(false);
  bell.ring();
  await bell.close();
  expect(log).toEqual([
    expect.stringMatching(/^No wake-ups by MySQL: the data source has no single pool.*notify: false/),
  ]);
});
