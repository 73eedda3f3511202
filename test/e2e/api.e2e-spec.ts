import { Catch, HttpException, Injectable, UnauthorizedException } from '@nestjs/common';
import type { CallHandler, CanActivate, ExceptionFilter, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { APP_FILTER, APP_INTERCEPTOR } from '@nestjs/core';
import {
  ForbiddenError,
  InvalidOptionError,
  RunNotFoundError,
  RunWaitTimeoutError,
  ServerUnreachableError,
  TaskConflictError,
  TaskListError,
  TaskNotFoundError,
  TooManyAttemptsError,
  UnauthorizedError,
  UnexpectedAnswerError,
  UnknownNameError,
  UnknownOptionError,
  VersionConflictError,
} from 'nestjs-asyncz';
import { AsynczApiModule } from 'nestjs-asyncz/api';
import type { EventMessage, OperationName } from 'nestjs-asyncz/client';
import { AsynczClient, OPERATION_NAMES, ROLES, routePath, ROUTES } from 'nestjs-asyncz/client';
import { map } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { PLATFORMS, serve, tokenOf, TOKENS, VERSIONED } from './api.application.js';

const HOURLY = { type: 'interval', hours: 1 } as const;

/** A path that leads somewhere, for each operation. */
const INPUT = { id: 'nobody', runId: 'nobody@1', identity: 'nobody' };

describe.each(PLATFORMS)('the HTTP API on %s', (platform) => {
  it('does what the scheduler does, with errors of its classes, behind prefixes and versions', async () => {
    const { clientOf, work, scheduler } = await serve(platform, VERSIONED);
    const admin = clientOf('admin');
    const args = [{ $date: '2026-01-01T00:00:00.000Z' }, { $bigint: '7' }];
    const id = 'a/b ü'.padEnd(200, 'x');
    const added = await admin.addTask({ id, handler: 'work', args, trigger: HOURLY, tags: ['t'] });
    expect(added).toMatchObject({ id, args, state: 'scheduled' });
    expect(await admin.getTask({ id })).toEqual(added);
    const { runId, run } = await admin.runTask({ id, wait: true, reason: 'now' });
    expect(work.seen).toEqual([[new Date('2026-01-01'), 7n]]);
    expect(run).toMatchObject({
      id: runId,
      result: { $map: [['n', { $bigint: '1' }]] },
      request: { actor: 'the admin', reason: 'now' },
    });
    expect(await admin.getRun({ runId })).toMatchObject({ run: { id: runId }, attempts: [{ attempt: 1 }] });
    const until = '2099-01-01T00:00:00.000Z';
    expect(await clientOf('operator').pauseTask({ id, until })).toMatchObject({
      pause: { actor: 'the operator', until },
    });
    expect(await admin.resumeTask({ id })).toMatchObject({ paused: false });
    const { version } = await admin.updateTask({ id, name: 'b' });
    await expect(admin.updateTask({ id, name: 'c', expectedVersion: version - 1 })).rejects.toThrow(
      VersionConflictError,
    );
    expect(await admin.updateTask({ id, name: 'c', expectedVersion: version })).toMatchObject({ name: 'c' });
    expect((await scheduler.getTaskInfo(id)) as object).toMatchObject({ name: 'c' });
    expect(await admin.listTasks({ tag: 't', limit: 10, descending: true })).toMatchObject({ total: 1 });
    expect(await admin.pauseTasks({ filter: { tag: 't' }, dryRun: true })).toEqual({ matching: 1 });
    expect((await admin.getTimeline({ limit: 2 })).runs).toHaveLength(2);
    expect(await admin.exportTask({ id })).toMatchObject({ id, handler: 'work', args });
    expect(await admin.listHandlers()).toMatchObject([{ handler: 'work' }]);
    expect(await admin.getHealth()).toMatchObject({ status: 'ok' });
    const { identity } = (await admin.listInstances())[0]!;
    expect(await admin.drainInstance({ identity })).toBeUndefined();
    expect(await admin.undrainInstance({ identity })).toBeUndefined();
    const { entries } = await admin.getJournal({ taskId: id, kind: 'task.paused' });
    expect(entries).toMatchObject([{ kind: 'task.paused', actor: 'the operator' }]);
    expect(await admin.deleteTask({ id })).toMatchObject({ id });

    await expect(admin.getTask({ id })).rejects.toThrow(TaskNotFoundError);
    await expect(admin.getTask({ id })).rejects.toMatchObject({
      code: 'ASYNCZ_TASK_NOT_FOUND',
      taskId: id,
      name: 'TaskNotFoundError',
    });
    await expect(admin.cancelRun({ runId: 'x@1' })).rejects.toThrow(RunNotFoundError);
    await expect(admin.addTask({ handler: 'process.exit' })).rejects.toThrow(UnknownNameError);
    await expect(admin.addTask({ handler: 'work', nope: 1 } as never)).rejects.toThrow(UnknownOptionError);
    await expect(admin.addTasks({ tasks: [{ handler: 'nobody' }] })).rejects.toThrow(TaskListError);
    await expect(admin.listTasks({ limit: 1_001 })).rejects.toThrow(InvalidOptionError);
    await expect(admin.listTasks({ limit: 'x' as never })).rejects.toThrow(InvalidOptionError);
    await admin.addTask({ id: 'b', handler: 'work', trigger: HOURLY });
    await expect(admin.addTask({ id: 'b', handler: 'work', trigger: HOURLY })).rejects.toThrow(TaskConflictError);
    const { runId: waiting } = await admin.runTask({ id: 'b' });
    await admin.waitForRun({ runId: waiting });
    await expect(admin.waitForRun({ runId: waiting, timeout: '10m' })).rejects.toThrow(InvalidOptionError);
    await scheduler.addTask({ id: 'late', handler: 'work', nextRunTime: Date.parse('2099-01-01') });
    work.isBroken = true;
    await scheduler.updateTask('late', { retry: { attempts: 2, delay: '1h' } });
    const { runId: retried } = await admin.runTask({ id: 'late' });
    await expect(admin.waitForRun({ runId: retried, timeout: 50 })).rejects.toThrow(RunWaitTimeoutError);
  });

  it('lets through who may, and nobody else: every route by role', async () => {
    const { request } = await serve(platform);
    for (const name of OPERATION_NAMES) {
      if (ROUTES[name].answer === 'events') continue;
      const { method, role } = ROUTES[name];
      const path = routePath(ROUTES[name], INPUT);
      const body = method === 'GET' || method === 'DELETE' ? {} : { body: '{"filter":{"tag":"none"},"tasks":[]}' };
      const statusOf = async (as: Parameters<typeof request>[2]) =>
        (await request(method, path, { ...body, ...as })).status;
      expect(await statusOf({ role: null }), `${name} without a token`).toBe(401);
      for (const as of ROLES) {
        const status = await statusOf({ role: as });
        if (ROLES.indexOf(as) < ROLES.indexOf(role)) expect(status, `${name} as ${as}`).toBe(403);
        else expect([200, 201, 204, 400, 404], `${name} as ${as}: ${status}`).toContain(status);
        if (method === 'GET' && !/:/.test(ROUTES[name].path)) expect(status, name).toBe(200);
      }
    }
    expect((await request('GET', '/events', { role: null })).status).toBe(401);
    expect((await request('GET', '/openapi.json', { role: null })).status).toBe(401);
  });

  it('answers problems, and takes changes as JSON alone', async () => {
    const { request } = await serve(platform);
    const missing = await request('GET', '/tasks/nobody');
    expect(missing.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(missing.headers.get('cache-control')).toBe('no-store');
    expect(await missing.json()).toEqual({
      type: 'urn:nestjs-asyncz:error:task-not-found',
      title: 'Not Found',
      status: 404,
      detail: 'No task with the id "nobody" is in any store.',
      code: 'ASYNCZ_TASK_NOT_FOUND',
      members: { taskId: 'nobody' },
    });
    const added = await request('POST', '/tasks', {
      body: JSON.stringify({ id: 'a', handler: 'work', trigger: HOURLY }),
    });
    expect(added.status).toBe(201);
    const etag = added.headers.get('etag')!;
    expect(etag).toMatch(/^"\d+"$/);
    const stale = await request('POST', '/tasks/a/pause', { body: '{}', headers: { 'if-match': '"999"' } });
    expect([stale.status, ((await stale.json()) as { code: string }).code]).toEqual([412, 'ASYNCZ_VERSION_CONFLICT']);
    expect((await request('POST', '/tasks/a/pause', { body: '{}', headers: { 'if-match': etag } })).status).toBe(200);
    expect((await request('POST', '/tasks/a/pause', { body: '{}', headers: { 'if-match': 'x' } })).status).toBe(400);
    const form = { body: 'reason=x', headers: { 'content-type': 'application/x-www-form-urlencoded' } };
    expect((await request('POST', '/tasks/a/resume', form)).status).toBe(415);
    expect((await request('POST', '/tasks/a/resume', { body: '[]' })).status).toBe(415);
    expect((await request('POST', '/tasks/a/resume', { body: '{' })).status).toBe(400);
    expect((await request('GET', '/tasks?limit=1&limit=2')).status).toBe(400);
    expect((await request('GET', '/tasks?nope=1')).status).toBe(400);
    expect((await request('PATCH', '/tasks/a?name=b', { body: '{}' })).status).toBe(400);
    expect((await request('PATCH', '/tasks/a', { body: '{"id":"b"}' })).status).toBe(400);
    expect((await request('GET', '/tasks/-?id=a')).status).toBe(200);
    expect((await request('GET', '/nowhere')).status).toBe(404);
  });

  it('slows down an address that sends wrong tokens', async () => {
    const { url, clientOf, request } = await serve(platform);
    const wrong = new AsynczClient({ url, token: 'wrong' });
    for (let attempt = 0; attempt < 5; attempt += 1) await expect(wrong.getInfo()).rejects.toThrow(UnauthorizedError);
    await expect(wrong.getInfo()).rejects.toThrow(TooManyAttemptsError);
    // Whatever the token is, or guessing would go on.
    const refused = await request('GET', '/info');
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
    await expect(clientOf('admin').getInfo()).rejects.toMatchObject({ retryAfterMs: expect.any(Number) as number });
  });

  it('sends events until the caller stops, and ends streams with the application', async () => {
    const { app, clientOf } = await serve(platform);
    const admin = clientOf('admin');
    const stop = new AbortController();
    const opened = admin.streamEvents({ names: 'task.added' }, { signal: stop.signal })[Symbol.asyncIterator]();
    const first = opened.next();
    let added = 0;
    const adding = (async () => {
      while (added >= 0) {
        await admin.addTask({ id: `t${(added += 1)}`, handler: 'work', trigger: HOURLY });
        await new Promise(setImmediate);
      }
    })();
    expect(await first).toMatchObject({
      value: { name: 'task.added', taskId: expect.stringMatching(/^t\d+$/) as string },
    });
    added = -1_000_000;
    await adding;
    stop.abort();
    while (!(await opened.next()).done);
    const names: string[] = [];
    const reading = (async () => {
      for await (const event of admin.streamEvents()) names.push((event as EventMessage).name);
    })();
    const other = clientOf('viewer').streamEvents()[Symbol.asyncIterator]();
    const seen = other.next();
    await admin.addTask({ id: 'last', handler: 'work', trigger: HOURLY });
    await seen;
    await app.close();
    await reading;
    while (!(await other.next()).done);
    expect(names.at(-1)).toBe('scheduler.shutdown');
  });

  it('is left alone by filters, pipes and interceptors of the application', async () => {
    @Injectable()
    class Wrap implements NestInterceptor {
      intercept(_context: ExecutionContext, next: CallHandler) {
        return next.handle().pipe(map((data: unknown) => ({ data })));
      }
    }
    @Catch()
    class Teapot implements ExceptionFilter {
      catch() {
        throw new HttpException('teapot', 418);
      }
    }
    const { clientOf } = await serve(platform, {
      providers: [
        { provide: APP_INTERCEPTOR, useClass: Wrap },
        { provide: APP_FILTER, useClass: Teapot },
      ],
      setUp: (app) => app.useGlobalPipes({ transform: () => 'changed' }),
    });
    const admin = clientOf('admin');
    await admin.addTask({ id: 'a', handler: 'work', trigger: HOURLY });
    expect(await admin.getTask({ id: 'a' })).toMatchObject({ id: 'a' });
    await expect(admin.getTask({ id: 'b' })).rejects.toThrow(TaskNotFoundError);
  });

  it('asks a guard of the application who calls', async () => {
    @Injectable()
    class HeaderGuard implements CanActivate {
      canActivate(context: ExecutionContext) {
        const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string> }>();
        if (headers['x-user'] === undefined) throw new UnauthorizedException();
        return headers['x-user'] !== 'eve';
      }
    }
    const auth = {
      guard: HeaderGuard,
      identify: (context: ExecutionContext) => {
        const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string> }>();
        const actor = headers['x-user']!;
        return actor === 'nobody' ? null : { actor, role: actor === 'ann' ? ('admin' as const) : ('viewer' as const) };
      },
    };
    const { url } = await serve(platform, { auth, providers: [HeaderGuard] });
    const as = (user?: string) => new AsynczClient({ url, ...(user && { headers: { 'x-user': user } }) });
    await as('ann').addTask({ id: 'a', handler: 'work', trigger: HOURLY });
    expect(await as('ann').pauseTask({ id: 'a' })).toMatchObject({ pause: { actor: 'ann' } });
    await expect(as('bob').pauseTask({ id: 'a' })).rejects.toThrow(ForbiddenError);
    expect(await as('bob').getTask({ id: 'a' })).toMatchObject({ id: 'a' });
    await expect(as('eve').getTask({ id: 'a' })).rejects.toThrow(ForbiddenError);
    await expect(as('nobody').getTask({ id: 'a' })).rejects.toThrow(UnauthorizedError);
    await expect(as().getTask({ id: 'a' })).rejects.toThrow(UnauthorizedError);
  });
});

describe('the module of the API', () => {
  it('refuses to start without a way to know callers', () => {
    expect(() => AsynczApiModule.forRoot({} as never)).toThrow(/Invalid auth: undefined/);
    expect(() => AsynczApiModule.forRoot({ auth: { tokens: [] } })).toThrow(InvalidOptionError);
    const short = { token: 'secret-and-short', role: 'admin', actor: 'x' } as const;
    expect(() => AsynczApiModule.forRoot({ auth: { tokens: [short] } })).toThrow(/at least 32/);
    expect(() => AsynczApiModule.forRoot({ auth: { tokens: [short] } })).not.toThrow(/secret/);
    const wrong = { token: tokenOf('admin'), role: 'root', actor: 'x' };
    expect(() => AsynczApiModule.forRoot({ auth: { tokens: [wrong as never] } })).toThrow(
      /"viewer", "operator" or "admin"/,
    );
    expect(() => AsynczApiModule.forRoot({ auth: { tokens: TOKENS }, nope: 1 } as never)).toThrow(UnknownOptionError);
    expect(() => AsynczApiModule.forRootAsync({} as never)).toThrow(InvalidOptionError);
  });
});

describe('the client', () => {
  it('says what it cannot reach or understand', async () => {
    const nowhere = new AsynczClient({ url: 'http://127.0.0.1:1' });
    await expect(nowhere.getInfo()).rejects.toThrow(ServerUnreachableError);
    const answering = (body: string, status: number) =>
      new AsynczClient({ url: 'http://x/', fetch: () => Promise.resolve(new Response(body, { status })) });
    await expect(answering('<html>', 200).getInfo()).rejects.toThrow(UnexpectedAnswerError);
    await expect(answering('<html>', 502).getInfo()).rejects.toMatchObject({
      status: 502,
      code: 'ASYNCZ_UNEXPECTED_ANSWER',
    });
    const stop = new AbortController();
    stop.abort(new Error('enough'));
    await expect(nowhere.getInfo({}, { signal: stop.signal })).rejects.toThrow('enough');
    expect(() => new AsynczClient({ url: 'file:///etc' })).toThrow(InvalidOptionError);
    const names: readonly OperationName[] = OPERATION_NAMES;
    for (const name of names) expect(nowhere[name]).toBeTypeOf('function');
  });
});
