import { describe, it } from 'vitest';
import { fork, type ChildProcess } from 'node:child_process';
import { readFileSync, writeFileSync, mkdtempSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { builtLibrary } from '../support/built-library.js';
import { PLACES } from './places.js';
import { postgres } from './typeorm/support/databases.js';
import { redisUrl } from '../support/server-urls.js';
import { Scheduler } from '../../lib/scheduler/scheduler.js';
import { TypeormStore } from '../../lib/stores/typeorm/typeorm.store.js';
import { RedisStore } from '../../lib/stores/redis/redis.store.js';
const say = (...a: unknown[]) => process.stdout.write(a.map((x) => typeof x === 'string' ? x : String(JSON.stringify(x)).slice(0, 600)).join(' ') + '\n');
const WORKER = `
import { appendFileSync } from 'node:fs';
const [lib, kind, opts, log] = process.argv.slice(2);
const { Scheduler } = await import(lib + '/scheduler/scheduler.js');
const Store = kind === 'redis' ? (await import(lib + '/stores/redis/redis.store.js')).RedisStore : (await import(lib + '/stores/typeorm/typeorm.store.js')).TypeormStore;
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const s = new Scheduler({ stores: { default: new Store(JSON.parse(opts)) }, lease: '2s', pollInterval: '100ms', logger: quiet });
const line = (o) => appendFileSync(log, JSON.stringify({ ...o, pid: process.pid }) + '\\n');
const nap = (ms) => new Promise((r) => setTimeout(r, ms));
s.registerHandler('steps', async (args, c) => {
  line({ e: 'begin', run: c.runId, attempt: c.attempt });
  for (let i = 0; i < 5; i++) {
    const r = await c.step('s' + i, async () => { line({ e: 'effect', run: c.runId, i }); await nap(Math.random() * 60); return { i, n: Math.random() }; });
    line({ e: 'stored', run: c.runId, i, n: r.n });
    if (i === 2) await c.sleep('200ms');
    if (i === 3 && Math.random() < 0.3) await c.snooze('100ms');
  }
  if (Math.random() < 0.1) throw new Error('sometimes');
  line({ e: 'end', run: c.runId });
});
s.addListener((e) => line({ e: 'ev', name: e.name, run: e.runId, dead: e.run?.dead, err: e.run?.error?.message }), ['run.succeeded', 'run.failed', 'run.lost', 'run.cancelled', 'run.skipped', 'run.missed']);
await s.start();
`;
const file = '/tmp/w/attack/kill/worker.mjs';
describe.each([['redis'], ['pg'], ['sqlite']])('%s', (kind) => {
  it('kill', async () => {
    const lib = await builtLibrary();
    const { writeFileSync: w } = await import('node:fs');
    const wf = join(lib, 'attack.worker.mjs'); w(wf, WORKER);
    const dir = mkdtempSync('/tmp/w/attack/kill/x-'); const log = join(dir, 'log'); writeFileSync(log, '');
    const opts = kind === 'redis' ? { url: redisUrl(), prefix: 'atk' + process.pid } : kind === 'pg' ? { database: postgres().url, tableName: 'atk_' + process.pid } : { database: 'sqlite:' + join(dir, 't.db'), tableName: 'atk' };
    const Store: any = kind === 'redis' ? RedisStore : TypeormStore;
    const client = new Scheduler({ stores: { default: new Store(opts) }, role: 'client', logger: { debug() {}, info() {}, warn() {}, error() {} } as never });
    await client.start();
    const N = 60;
    await client.addTasks(Array.from({ length: N }, (_, i) => ({ id: 't' + i, handler: 'steps', maxLost: 1000, retry: { attempts: 1000, backoff: 'fixed', delay: '50ms' }, trigger: { type: 'date', runAt: Date.now() } } as never)));
    const spawn = () => fork(wf, [lib, kind, JSON.stringify(opts), log], { stdio: 'ignore' });
    const kids: ChildProcess[] = [spawn(), spawn()];
    const t0 = Date.now(); let kills = 0;
    while (Date.now() - t0 < 60000) {
      await new Promise((r) => setTimeout(r, 1500));
      if ((await client.getTaskInfos()).total === 0) break;
      if (Date.now() - t0 < 35000) { const k = kills++ % 2; kids[k]!.kill('SIGKILL'); kids[k] = spawn(); }
    }
    const left = (await client.getTaskInfos()).tasks;
    for (const k of kids) k.kill('SIGKILL');
    const lines = readFileSync(log, 'utf8').split('\n').filter(Boolean).flatMap((l) => { try { return [JSON.parse(l)]; } catch { return []; } });
    const runs = new Set(lines.filter((l) => l.run).map((l) => l.run));
    const stored = new Map<string, number>(); let repeated = 0, effects = 0, changed = 0; const bad: unknown[] = [];
    for (const l of lines) {
      if (l.e === 'stored') { const k = l.run + l.i; if (stored.has(k) && stored.get(k) !== l.n) { changed++; bad.push(l); } stored.set(k, l.n); }
      if (l.e === 'effect') { effects++; if (stored.has(l.run + l.i)) { repeated++; bad.push(l); } }
    }
    const succ = new Map<string, number>(); for (const l of lines) if (l.e === 'ev' && l.name === 'run.succeeded') succ.set(l.run, (succ.get(l.run) ?? 0) + 1);
    const hist = await client.getRuns({ status: 'succeeded' } as never, { limit: 200 } as never).catch(() => client.getRuns());
    say(kind, 'ms', Date.now() - t0, 'kills', kills, 'runs', runs.size, 'left', left.length, left.slice(0, 2).map((t: any) => [t.id, t.running, t.nextRunTime, t.problem]), 'effects', effects, 'repeated', repeated, 'changed', changed, bad.slice(0, 3), 'succ twice', [...succ.values()].filter((n) => n > 1).length, 'events', Object.entries(Object.groupBy(lines.filter((l) => l.e === 'ev'), (l: any) => l.name + (l.dead ? '!' : ''))).map(([k, v]) => k + v!.length), 'hist', (hist as any).total ?? hist.runs.length);
    await client.removeAllTasks().catch(() => {}); await client.shutdown(0);
  }, 100000);
});
