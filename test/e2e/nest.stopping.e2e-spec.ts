import { Injectable } from '@nestjs/common';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ScheduledTask } from 'nestjs-asyncz';
import { until } from 'nestjs-asyncz/testing';
import { TypeormStore } from 'nestjs-asyncz/typeorm';
import { postgresUrl } from '../support/server-urls.js';
import { TcpProxy } from '../support/tcp.proxy.js';
import { boot } from './nest.application.js';

describe('an application', () => {
  it('whose PostgreSQL accepts and never answers does not hang at its start, and says which store it was, and where', async () => {
    const proxy = await TcpProxy.start(Number(new URL(postgresUrl()).port || 5432));
    onTestFinished(() => proxy.stop());
    proxy.fallSilent();
    const url = new URL(postgresUrl());
    url.port = String(proxy.port);
    url.password = 'pa55word';
    const store = { useFactory: () => new TypeormStore({ database: url.href }) };
    const start = performance.now();
    const error = await boot([], { stores: { default: store } }).catch((caught: unknown) => caught as Error);
    expect((error as Error).message).toMatch(
      new RegExp(`store "default".*PostgreSQL at 127\\.0\\.0\\.1:${proxy.port}`),
    );
    expect((error as Error).message).not.toContain('pa55word');
    expect(performance.now() - start).toBeLessThan(15_000);
  });

  it('that gets a second signal while it waits for runs aborts them and stops', async () => {
    // Somebody handles the signal, as Nest does with enableShutdownHooks.
    const handle = () => {};
    process.on('SIGTERM', handle);
    onTestFinished(() => void process.off('SIGTERM', handle));
    let aborts = 0;
    @Injectable()
    class Long {
      @ScheduledTask({ trigger: 'startup' })
      work({ signal }: { signal: AbortSignal }): Promise<void> {
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            aborts += 1;
            reject(signal.reason as Error);
          });
        });
      }
    }
    const { app } = await boot([Long], { shutdownTimeout: '1m' });
    const before = new Set(process.listeners('SIGTERM'));
    let isClosed = false;
    const closed = app.close().then(() => (isClosed = true));
    await until(() => process.listeners('SIGTERM').length > before.size, { what: 'the scheduler to listen' });
    const abort = process.listeners('SIGTERM').find((listener) => !before.has(listener));
    // The first comes with the one that closes the application.
    abort!('SIGTERM');
    expect(aborts).toBe(0);
    await until(() => (abort!('SIGTERM'), isClosed), { what: 'the application to close' });
    await closed;
    expect(aborts).toBe(1);
    expect(process.listeners('SIGTERM')).toHaveLength(before.size);
  });
});
