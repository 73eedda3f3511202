import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { freePort } from '../support/servers/owned-process.mjs';
import { PrintingProcess } from '../support/printing.process.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const sample = join(root, 'dist-sample/01-quickstart/main.js');
const log = readFileSync(join(root, 'sample/01-quickstart/data/access.log'), 'latin1').trimEnd().split('\n');

const DIGESTED = /AccessLogDigest\.digest: lines (\d+) to (\d+), (\d+) bytes served/;
const DELIVERED = /reminders\.deliver: "(.+)", due (\S+), (\S+) s late/;

interface Reminder {
  readonly id: string;
  readonly at: string;
  readonly text: string;
}

/** The sample on a directory of its own, which outlives its processes. */
class Quickstart {
  private constructor(
    readonly directory: string,
    private readonly port: number,
    private readonly settings: Record<string, string>,
  ) {}

  static async create(settings: Record<string, string> = {}): Promise<Quickstart> {
    const directory = await mkdtemp(join(tmpdir(), 'asyncz-quickstart-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    return new Quickstart(directory, await freePort(), settings);
  }

  async start(): Promise<PrintingProcess> {
    const env = { PORT: `${this.port}`, QUICKSTART_DIR: this.directory, ...this.settings };
    const app = new PrintingProcess(process.execPath, [sample], { cwd: root, env });
    await app.line(/Listening on/, { from: 0 });
    return app;
  }

  async post(body: unknown): Promise<{ status: number; body: Reminder & { message?: string } }> {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(this.url, { method: 'POST', headers, body: JSON.stringify(body) });
    return { status: response.status, body: (await response.json()) as Reminder };
  }

  async pending(): Promise<Reminder[]> {
    return (await (await fetch(this.url)).json()) as Reminder[];
  }

  digest(): { lines: number; unreadable: number; bytes: number; statuses: Record<string, number> } {
    return JSON.parse(readFileSync(join(this.directory, 'digest.json'), 'utf8'));
  }

  private get url(): string {
    return `http://127.0.0.1:${this.port}/reminders`;
  }
}

/** The lines that were printed as digested, over several processes, in order. */
function digestedLines(apps: readonly PrintingProcess[]): number[] {
  return apps
    .flatMap((app) => app.all(DIGESTED))
    .flatMap(([, from, to]) => Array.from({ length: Number(to) - Number(from) + 1 }, (_, at) => Number(from) + at));
}

/** What the digest of the first lines of the log has to be, counted another way than the sample does. */
function expectedDigest(count: number) {
  const statuses: Record<string, number> = {};
  let bytes = 0;
  let unreadable = 0;
  for (const line of log.slice(0, count)) {
    const [, request, answer] = line.split('"');
    if (request!.split(' ').length !== 3) {
      unreadable += 1;
      continue;
    }
    const [status, size] = answer!.trim().split(' ');
    statuses[status!] = (statuses[status!] ?? 0) + 1;
    bytes += Number(size);
  }
  return { lines: count, unreadable, bytes, statuses };
}

beforeAll(() => {
  if (!existsSync(sample)) throw new Error('The sample is not built: npm run build && npx nest build 01-quickstart');
});

describe('the quick start', () => {
  it('delivers a reminder once, late, and goes on with the log where it stopped, after a SIGKILL', async () => {
    const quickstart = await Quickstart.create({ DIGEST_EVERY: '1s' });
    const first = await quickstart.start();
    await first.line(/digest: lines 11 to 20/, { from: 0 });
    const due = new Date(Date.now() + 2_000);
    const { status, body } = await quickstart.post({ at: due.toISOString(), text: 'water the plants' });
    expect([status, body.at]).toEqual([201, due.toISOString()]);
    expect(await quickstart.pending()).toEqual([{ id: body.id, at: due.toISOString(), text: 'water the plants' }]);
    first.kill('SIGKILL');
    expect(await first.ended).toBe('SIGKILL');
    expect(first.all(DELIVERED)).toEqual([]);
    await new Promise((passed) => setTimeout(passed, due.getTime() - Date.now() + 100));

    const second = await quickstart.start();
    const [, text, scheduled, seconds] = await second.line(DELIVERED, { from: 0 });
    expect([text, scheduled]).toEqual(['water the plants', due.toISOString()]);
    expect(Number(seconds)).toBeGreaterThan(0);
    expect(await quickstart.pending()).toEqual([]);
    await second.line(DIGESTED);
    await second.line(DIGESTED);
    second.kill('SIGINT');
    await second.ended;
    expect(second.all(DELIVERED)).toHaveLength(1);
    const lines = digestedLines([first, second]);
    expect(lines).toEqual(lines.map((_, at) => at + 1));
    expect(quickstart.digest()).toMatchObject(expectedDigest(lines.length));
  });

  it('counts each line of the log once, whenever it is killed', async () => {
    const quickstart = await Quickstart.create({ DIGEST_EVERY: '40ms' });
    const apps: PrintingProcess[] = [];
    for (let kill = 1; kill <= 4; kill += 1) {
      const app = await quickstart.start();
      apps.push(app);
      await app.line(DIGESTED, { from: 0 });
      // In the middle of whatever it does now, and that is another thing each time.
      await new Promise((passed) => setTimeout(passed, kill * 17));
      app.kill('SIGKILL');
      await app.ended;
    }
    const last = await quickstart.start();
    await last.line(/no new lines, 200 so far/, { from: 0 });
    const lines = digestedLines([...apps, last]);
    expect(lines, 'no line is told twice, and all are in order').toEqual([...new Set(lines)].sort((a, b) => a - b));
    expect(quickstart.digest()).toMatchObject(expectedDigest(200));
  });

  it('writes the summary at the times of its cron expression', async () => {
    const quickstart = await Quickstart.create({ DIGEST_EVERY: '100ms', SUMMARY_CRON: '* * * * * *' });
    const app = await quickstart.start();
    await quickstart.post({ at: '+1h', text: 'later' });
    await app.line(/no new lines, 200 so far/, { from: 0 });
    await app.line(/summary\.txt written: 200 lines digested, 1 reminders pending/);
    const summary = readFileSync(join(quickstart.directory, 'summary.txt'), 'utf8');
    expect(summary).toMatch(/^Summary for \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z\n/);
    expect(summary).toContain(`Access log: 200 lines, ${expectedDigest(200).unreadable} of them unreadable`);
    expect(summary).toMatch(/Reminders: +1 pending/);
  });

  it('refuses what is no reminder, says why, and adds nothing', async () => {
    const quickstart = await Quickstart.create();
    const app = await quickstart.start();
    const cases: [unknown, RegExp][] = [
      [{}, /"text" must be a text of 1 to 500 characters/],
      [{ at: '+5s', text: ' ' }, /"text" must be/],
      [{ at: '+5s', text: 'x'.repeat(501) }, /"text" must be/],
      [{ text: 'tea' }, /"at" must be an ISO 8601 time/],
      [{ at: 5, text: 'tea' }, /"at" must be an ISO 8601 time/],
      [{ at: 'tomorrow', text: 'tea' }, /"at" must be an ISO 8601 time.+not "tomorrow"/],
      [{ at: '2030-02-30T10:00:00Z', text: 'tea' }, /not "2030-02-30T10:00:00Z"/],
    ];
    for (const [body, message] of cases) {
      const answer = await quickstart.post(body);
      expect([answer.status, answer.body.message]).toEqual([400, expect.stringMatching(message)]);
    }
    expect(await quickstart.pending()).toEqual([]);
    app.kill('SIGINT');
    await app.ended;
    expect(app.lines.at(-1)).toMatch(/Scheduler "default" .+ stopped/);
  });

  it('says so and ends when its port is taken', async () => {
    const quickstart = await Quickstart.create();
    await quickstart.start();
    await expect(quickstart.start()).rejects.toThrow(/It did not start: listen EADDRINUSE.+PORT=3001/);
  });
});
