import type { SchedulerInstance } from '../../model/scheduler-instance.js';
import { readMember } from '../read-member.js';
import type { OpenDatabase } from './open.database.js';
import { once, sql, toNumber } from './sql/sql.js';

/** Writes a heartbeat, with the time of the database. */
export async function saveMember(
  { session, dialect, clock }: OpenDatabase,
  instance: SchedulerInstance,
): Promise<void> {
  const heartbeatAt = dialect.now ?? clock();
  await session.write(() => dialect.saveScheduler(instance.identity, heartbeatAt, JSON.stringify(instance)));
}

/** Removes the heartbeat of a scheduler. */
export async function removeMember({ session, dialect }: OpenDatabase, identity: string): Promise<void> {
  await session.write(() => once(sql`DELETE FROM ${dialect.schedulers} WHERE scheduler = ${identity}`));
}

/** Every heartbeat that can be read. */
export async function readMembers({ session, dialect }: OpenDatabase): Promise<readonly SchedulerInstance[]> {
  const { records } = await session.read(() =>
    once(sql`SELECT heartbeat_at, data FROM ${dialect.schedulers} ORDER BY scheduler`),
  );
  return records.flatMap(({ heartbeat_at, data }) => readMember(String(data), toNumber(heartbeat_at)) ?? []);
}
