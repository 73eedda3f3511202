import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import type { AsynczOperations, JsonValue, Role, Serialized, TaskDefinitionInput } from 'nestjs-asyncz/client';
import { OPERATION_NAMES, ROLES, routePath, ROUTES } from 'nestjs-asyncz/client';
import type { TaskInfo } from 'nestjs-asyncz';
import { describe, expect, expectTypeOf, it } from 'vitest';

/** The rows of the table of `docs/http-api.md`. */
const ROWS = OPERATION_NAMES.map((name) => {
  const { method, path, role, query = {} } = ROUTES[name];
  const fields = Object.keys(query).map((field) => `\`${field}\``);
  return `| \`${name}\` | \`${method} ${path}\` | ${role} | ${fields.join(', ')} |`;
});

describe('the table of operations', () => {
  it('stands in the documentation', () => {
    const page = readFileSync(fileURLToPath(new URL('../../../docs/http-api.md', import.meta.url)), 'utf8');
    const written = page.split('\n').map((line) => line.replaceAll(/ +/g, ' '));
    expect(written).toEqual(expect.arrayContaining(ROWS.map((row) => row.replaceAll(/ +/g, ' '))));
  });

  it('has one route for each operation, and each route once', () => {
    const routes = OPERATION_NAMES.map(
      (name) => `${ROUTES[name].method} ${ROUTES[name].path.replaceAll(/:\w+/g, ':')}`,
    );
    expect(new Set(routes).size).toBe(OPERATION_NAMES.length);
    for (const name of OPERATION_NAMES) expect(ROUTES[name].path).toMatch(/^(\/([a-z]+|:[a-zA-Z]+))+$/);
  });

  it('lets nobody change anything by reading', () => {
    for (const name of OPERATION_NAMES) {
      const { method, role } = ROUTES[name];
      expect(ROLES).toContain(role);
      if (method === 'GET') expect(role).toBe('viewer' satisfies Role);
      else expect(role, name).not.toBe('viewer');
    }
  });

  it('puts an id into the path, or into the query where servers would change it', () => {
    const { getTask, pauseTask } = ROUTES;
    expect(routePath(getTask, { id: 'reports.nightly' })).toBe('/tasks/reports.nightly');
    expect(routePath(getTask, { id: 'a@b:1#2', store: 'main' })).toBe('/tasks/a%40b%3A1%232?store=main');
    for (const odd of ['a/b', '..', '.', '-', 'ä', ' ', '%2F', 'a'.repeat(91)]) {
      const path = routePath(pauseTask, { id: odd });
      expect(path.startsWith('/tasks/-/pause?id=')).toBe(true);
      expect(new URL(path, 'http://localhost').searchParams.get('id')).toBe(odd);
    }
  });

  it('is typed', () => {
    expectTypeOf<Parameters<AsynczOperations['getTask']>[0]>().toExtend<{ id: string; store?: string }>();
    expectTypeOf<Serialized<Date>>().toEqualTypeOf<string>();
    expectTypeOf<Serialized<{ at: Date | null; x: unknown }>>().toEqualTypeOf<{
      readonly at: string | null;
      readonly x: JsonValue;
    }>();
    expectTypeOf<Serialized<TaskInfo>['nextRunTime']>().toEqualTypeOf<string | null>();
    expectTypeOf<Serialized<TaskInfo>['live'][number]['scheduledTime']>().toEqualTypeOf<string>();
    expectTypeOf<{ handler: string; trigger: { type: 'cron'; expression: string } }>().toExtend<TaskDefinitionInput>();
    expectTypeOf<{ handler: string; maxInstances: string }>().not.toExtend<TaskDefinitionInput>();
    expectTypeOf<{ trigger: { type: 'cron' } }>().not.toExtend<TaskDefinitionInput>();
  });

  it('runs in browsers: the client asks for nothing of Node.js, and brings no engine along', async () => {
    const bundle = await rolldown({
      input: fileURLToPath(new URL('../../../lib/client/index.ts', import.meta.url)),
      platform: 'browser',
      external: /^node:/,
    });
    const { output } = await bundle.generate({ format: 'esm' });
    await bundle.close();
    const modules = output.flatMap((chunk) => (chunk.type === 'chunk' ? [...chunk.moduleIds, ...chunk.imports] : []));
    const foreign = modules.filter((id) => !/\/lib\/(client|errors|model)\//.test(id) && !id.startsWith('\0'));
    expect(foreign).toEqual([]);
  });
});
