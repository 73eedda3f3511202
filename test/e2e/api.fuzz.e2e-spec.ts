import fc from 'fast-check';
import { OPERATION_NAMES, routePath, ROUTES } from 'nestjs-asyncz/client';
import type { OperationName } from 'nestjs-asyncz/client';
import { describe, expect, it } from 'vitest';
import { PLATFORMS, serve } from './api.application.js';

/** How many bodies each platform gets: 10,000 in all. */
const BODIES = 5_000;

const CHANGES = OPERATION_NAMES.filter((name) => ['POST', 'PUT', 'PATCH'].includes(ROUTES[name].method));

/** Words that the API knows: among others, they get a body further than noise does. */
const WORDS =
  'id handler args data trigger type filter tag store retry attempts until from to reason dryRun tasks runId limit __proto__ constructor prototype transaction policies dedupe $date $map $bigint $regexp $object nextRunTime expectedVersion paused rateLimit group'.split(
    ' ',
  );
const VALUES = fc.oneof(
  fc.constantFrom<unknown>('default', 'nobody', 'cron', 'interval', '* * * * *', '', -1, 0, 1e308, null, true, [], {}),
  fc.string({ maxLength: 20 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const { body: BODY } = fc.letrec<{ body: unknown; value: unknown }>((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, VALUES, fc.array(tie('value'), { maxLength: 3 }), tie('body')),
  body: fc
    .array(fc.tuple(fc.oneof(fc.constantFrom(...WORDS), fc.string({ maxLength: 8 })), tie('value')), { maxLength: 5 })
    .map((fields) => Object.fromEntries(fields)),
}));

/**
 * Every other body has an option that no operation has. The others get further, to tasks and runs that are not there; operations on many
 * only count.
 */
function variant(name: OperationName, body: object, at: number) {
  if (at % 2 === 0) return { body: JSON.stringify({ ...body, 'no such option': 1 }), ids: ['a', 'a@1'] };
  const isBulk = ROUTES[name].path.startsWith('/bulk/') && name !== 'addTasks';
  return { body: JSON.stringify(isBulk ? { ...body, dryRun: true } : body), ids: ['missing', 'missing@1'], isBulk };
}

describe.each(PLATFORMS)('the HTTP API on %s', (platform) => {
  it('answers any body with 4xx and a code, and changes nothing', { timeout: 600_000 }, async () => {
    const { request, scheduler } = await serve(platform);
    await scheduler.addTask({ id: 'a', handler: 'work', trigger: { type: 'interval', hours: 1 } });
    const before = await scheduler.getTaskInfos();
    const odd: string[] = [];
    const send = async (name: OperationName, given: object, at: number) => {
      const {
        body,
        ids: [id, runId],
        isBulk = false,
      } = variant(name, given, at);
      const route = ROUTES[name];
      const path = routePath(route, { id, runId, identity: 'nobody' });
      const response = await request(route.method, path, { body });
      const { code } = (await response.json()) as { code?: unknown };
      if (isBulk && response.status === 200) return;
      if (response.status < 400 || response.status >= 500 || typeof code !== 'string') {
        // The parser of Fastify refuses keys such as __proto__ before the API is asked.
        const isOfParser = response.status === 400 && /__proto__|constructor/.test(body);
        if (!isOfParser) odd.push(`${name} ${response.status} ${String(code)}: ${body}`);
      }
    };
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom(...CHANGES), BODY), { minLength: 25, maxLength: 25 }),
        async (calls) => {
          await Promise.all(calls.map(([name, body], at) => send(name, body as object, at)));
          expect(odd).toEqual([]);
        },
      ),
      { numRuns: BODIES / 25 },
    );
    expect(await scheduler.getTaskInfos()).toEqual(before);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});
