import { Injectable } from '@nestjs/common';
import { afterEach, describe, expect, it } from 'vitest';
import { FileStore, MemoryStore, ScheduledTask } from 'nestjs-asyncz';
import { overrideRole } from '../../lib/nest/role.override.js';
import { temporaryFolder } from '../support/temporary.folder.js';
import { boot, idsOf } from './nest.application.js';

const ran: string[] = [];

@Injectable()
class Reports {
  @ScheduledTask({ id: 'report', trigger: 'interval', seconds: 1 })
  report() {
    ran.push('report');
  }
}

describe('the role that a process gives its schedulers', () => {
  afterEach(() => overrideRole(undefined));

  it('makes a client of an application that says worker, without its executors', async () => {
    overrideRole('client');
    const store = new MemoryStore();
    const executors = { cpu: { type: 'worker', module: () => Promise.reject(new Error('booted')) } } as const;
    const { scheduler } = await boot([Reports], {
      role: 'worker',
      autoStart: false,
      executors,
      stores: { default: store },
    });
    const info = await scheduler.getSchedulerInfo();
    expect(info).toMatchObject({ role: 'client', state: 'running' });
    expect(info.executors.map(({ alias }) => alias)).toEqual(['default']);
    // A client reconciles nothing, and has no loop.
    expect(await idsOf(scheduler)).toEqual([]);
    expect(ran).toEqual([]);
  });

  it('makes an observer of it that makes no store', async () => {
    overrideRole('observer');
    const directory = await temporaryFolder();
    await expect(boot([Reports], { stores: { default: new FileStore({ directory }) } })).rejects.toMatchObject({
      code: 'ASYNCZ_STORE_START',
    });
  });

  it('leaves an application alone where none is given', async () => {
    const { scheduler } = await boot([Reports], { role: 'client' });
    expect((await scheduler.getSchedulerInfo()).role).toBe('client');
  });
});
