import type { Redis } from 'ioredis';
import type { StoreFinding } from '../../model/finding.js';
import type { Logger } from '../../model/logger.js';
import { whyTooOld } from '../server-age.js';
import { dataNodes } from './redis.address.js';
import type { RedisConnection } from './redis.connection.js';

/** The oldest version that has the commands which the scripts use; Valkey and others tell which one they are like. */
const OLDEST = [6, 2] as const;

/** Why a server cannot be used; null when it can, or does not tell its version, as some hosted ones. */
export async function serverProblem(connection: RedisConnection): Promise<string | null> {
  for (const node of dataNodes(connection.client)) {
    const problem =
      versionProblem(await connection.run(() => node.info('server')).catch(() => '')) ??
      replicaProblem(await connection.run(() => node.info('replication')).catch(() => ''));
    if (problem !== null) return problem;
  }
  return null;
}

/** @param info What the server answers to `INFO server`. */
export function versionProblem(info: string): string | null {
  const version = field(info, 'redis_version') ?? '';
  const [, major, minor] = (/^(\d+)\.(\d+)/.exec(version) ?? []).map(Number);
  if (major === undefined || minor === undefined) return null;
  return whyTooOld(`Redis ${version}`, [major, minor], OLDEST);
}

/** @param info What the server answers to `INFO replication`. */
function replicaProblem(info: string): string | null {
  if (field(info, 'role') !== 'slave' || field(info, 'slave_read_only') === '0') return null;
  const primary = `${field(info, 'master_host')}:${field(info, 'master_port')}`;
  return `it is a read-only replica; connect to its primary, ${primary}, or let sentinels find it`;
}

/**
 * How the server may lose tasks by the way it is set up. A server that does not tell is not complained about: hosted ones forbid
 * CONFIG, and look after such things themselves.
 */
export async function dataLossFindings(connection: RedisConnection, logger: Logger): Promise<readonly StoreFinding[]> {
  const findings: StoreFinding[] = [];
  for (const node of dataNodes(connection.client)) {
    const address = node.options.path ?? `${node.options.host}:${node.options.port}`;
    try {
      const policy = field(await connection.run(() => node.info('memory')), 'maxmemory_policy');
      if (policy !== undefined && policy !== 'noeviction') findings.push(mayEvict(address, policy));
      if (!(await connection.run(() => isPersistent(node)))) findings.push(keepsNothing(address));
    } catch (error) {
      logger.debug(`Redis at ${address} does not tell how it is set up: ${(error as Error).message}`);
    }
  }
  return findings;
}

/** Warns of {@link dataLossFindings}. */
export async function warnOfDataLoss(connection: RedisConnection, logger: Logger): Promise<void> {
  for (const { what, why, advice } of await dataLossFindings(connection, logger)) {
    logger.warn(`${what}: ${why}. ${advice}.`);
  }
}

function mayEvict(address: string, policy: string): StoreFinding {
  return {
    code: 'redis-may-evict',
    severity: 'error',
    confidence: 'certain',
    what: `Redis at ${address} has maxmemory-policy "${policy}"`,
    why: 'when its memory is full, it may drop tasks',
    advice: 'Set it to "noeviction"',
    details: { address, policy },
  };
}

function keepsNothing(address: string): StoreFinding {
  return {
    code: 'redis-keeps-nothing',
    severity: 'error',
    confidence: 'certain',
    what: `Redis at ${address} keeps nothing over a restart`,
    why: 'appendonly is off and there are no save points',
    advice: 'Turn one of them on',
    details: { address },
  };
}

/** Whether the server writes to disk, as far as it tells. */
async function isPersistent(node: Redis): Promise<boolean> {
  if (field(await node.info('persistence'), 'aof_enabled') !== '0') return true;
  // An object, where a client of ioredis 6 was told to map replies.
  const answer = (await node.config('GET', 'save')) as string[] | { save?: string };
  return (Array.isArray(answer) ? answer[1] : answer.save) !== '';
}

function field(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
}
