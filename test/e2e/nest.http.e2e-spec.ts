import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { Body, Controller, Delete, Get, Inject, Module, Param, Post, UseFilters } from '@nestjs/common';
import type { Type } from '@nestjs/common';
import { APP_FILTER, NestFactory } from '@nestjs/core';
import { describe, expect, it } from 'vitest';
import {
  AsynczExceptionFilter,
  AsynczModule,
  SchedulerService,
  StoreUnavailableError,
  TaskHandler,
  WeakSecretError,
} from 'nestjs-asyncz';
import type { TaskOptions } from 'nestjs-asyncz';
import { closeAfterTest } from './nest.application.js';

@Controller('tasks')
class TasksController {
  constructor(@Inject(SchedulerService) private readonly scheduler: SchedulerService) {}
  @TaskHandler('work')
  work() {}
  @Post()
  add(@Body() options: TaskOptions) {
    return this.scheduler.addTask(options);
  }
  @Get('broken/:what')
  broken(@Param('what') what: string) {
    if (what === 'server') throw new StoreUnavailableError('PostgreSQL at db.internal:5432', 'refused');
    throw new WeakSecretError(1, 3, 16);
  }
  @Post(':id/run')
  run(@Param('id') id: string) {
    return this.scheduler.runTask(id, { wait: true, timeout: 0 });
  }
  @Post('runs/:id/redrive')
  redrive(@Param('id') id: string) {
    return this.scheduler.redriveRun(id);
  }
  @Delete(':id')
  remove(@Param('id') id: string) {
    return this.scheduler.deleteTask(id);
  }
}

@UseFilters(AsynczExceptionFilter)
@Controller('tasks')
class FilteredController extends TasksController {}

async function serve(controller: Type, global: boolean) {
  const providers = global ? [{ provide: APP_FILTER, useClass: AsynczExceptionFilter }] : [];
  @Module({ imports: [AsynczModule.forRoot()], controllers: [controller], providers })
  class AppModule {}
  const app = await NestFactory.create(AppModule, { logger: false });
  closeAfterTest(app);
  await app.listen(0, '127.0.0.1');
  const { port } = (app.getHttpServer() as Server).address() as AddressInfo;
  return async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`http://127.0.0.1:${port}/tasks${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    return (await response.json()) as Record<string, unknown>;
  };
}

const HOURLY = { handler: 'work', trigger: { type: 'interval', hours: 1 } };

describe.each([
  ['for the whole application', TasksController, true],
  ['on a controller', FilteredController, false],
])('an error of the scheduler in a request, with the filter %s,', (_where, controller, global) => {
  it('is answered by the status that it means, with its code and message', async () => {
    const request = await serve(controller, global);
    expect(await request('POST', '', { ...HOURLY, id: 'a' })).toMatchObject({ id: 'a', state: 'scheduled' });
    const answers = [
      [await request('DELETE', '/nobody'), 404, 'Not Found', 'ASYNCZ_TASK_NOT_FOUND', /"nobody"/],
      [await request('POST', '/nobody/run'), 404, 'Not Found', 'ASYNCZ_TASK_NOT_FOUND', /"nobody"/],
      [await request('POST', '/runs/x@1/redrive'), 404, 'Not Found', 'ASYNCZ_RUN_NOT_FOUND', /x@1/],
      [await request('POST', '', { ...HOURLY, id: 'a' }), 409, 'Conflict', 'ASYNCZ_TASK_CONFLICT', /"a"/],
      [await request('POST', '', { ...HOURLY, tag: 'x' }), 400, 'Bad Request', 'ASYNCZ_UNKNOWN_OPTION', /"tag"/],
      [
        await request('POST', '', { ...HOURLY, priority: 'x' }),
        400,
        'Bad Request',
        'ASYNCZ_INVALID_OPTION',
        /priority/,
      ],
      [await request('POST', '', { handler: 'nobody' }), 400, 'Bad Request', 'ASYNCZ_UNKNOWN_HANDLER', /"nobody"/],
      [await request('POST', '/a/run'), 504, 'Gateway Timeout', 'ASYNCZ_RUN_WAIT_TIMEOUT', /goes on/],
    ] as const;
    for (const [answer, statusCode, error, code, message] of answers) {
      expect(answer).toEqual({ statusCode, error, code, message: expect.stringMatching(message) });
    }
  });

  it('that names a server tells nobody outside, and a fault of the configuration is a 500', async () => {
    const request = await serve(controller, global);
    const unavailable = await request('GET', '/broken/server');
    expect(unavailable).toMatchObject({ statusCode: 503, code: 'ASYNCZ_STORE_UNAVAILABLE' });
    expect(JSON.stringify(unavailable)).not.toContain('internal');
    expect(await request('GET', '/broken/secret')).toEqual({ statusCode: 500, message: 'Internal server error' });
  });
});
