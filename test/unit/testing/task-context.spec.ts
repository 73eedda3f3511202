import { describe, expect, it } from 'vitest';
import { SettableClock, TaskContext, UnknownOptionError } from 'nestjs-asyncz';
import { createTaskContext, runInTaskContext } from 'nestjs-asyncz/testing';

/** A handler as an application has it. */
class ReportsService {
  async generate(name: string, context: TaskContext): Promise<string> {
    context.log.log(`Report ${name}`);
    context.progress(0.5);
    await this.#below();
    const last = (await context.previousResult()) as string | undefined;
    return `${name} after ${last ?? 'none'}`;
  }

  #below(): Promise<void> {
    TaskContext.current()?.log.warn('below');
    return Promise.resolve();
  }
}

describe('a context for a unit test', () => {
  it('is that of the first and only attempt of a run that is due now', () => {
    const context = createTaskContext({ clock: new SettableClock(60_000) });
    expect(context).toBeInstanceOf(TaskContext);
    expect(context).toMatchObject({
      task: { id: 'task', name: 'task', handler: 'handler', tags: [] },
      store: 'default',
      runId: 'task@1970-01-01T00:01:00.000Z',
      scheduledTime: new Date(60_000),
      startedAt: new Date(60_000),
      latenessMs: 0,
      attempt: 1,
      isLastAttempt: true,
      deadline: null,
      previousRun: null,
    });
    expect(context.signal.aborted).toBe(false);
  });

  it('gives the handler what the test says, and shows what the handler did', async () => {
    const progress: unknown[] = [];
    const context = createTaskContext({
      task: { id: 'reports', tags: ['eu'] },
      attempt: 2,
      scheduledTime: new Date(0),
      startedAt: new Date(1_500),
      previousRun: { endedAt: new Date(-5) },
      previousResult: 'r0',
      onProgress: (value) => progress.push(value),
    });
    expect(context).toMatchObject({
      task: { id: 'reports', name: 'reports', tags: ['eu'] },
      latenessMs: 1_500,
      previousRun: { status: 'succeeded', startedAt: new Date(-5), endedAt: new Date(-5) },
    });
    const service = new ReportsService();
    expect(await runInTaskContext(context, () => service.generate('r1', context))).toBe('r1 after r0');
    expect(context.log.lines.map(({ level, message }) => `${level} ${message}`)).toEqual([
      'log Report r1',
      'warn below',
    ]);
    expect(progress).toEqual([0.5]);
    expect(TaskContext.current()).toBeUndefined();
  });

  it('has the signal of the test', () => {
    const controller = new AbortController();
    const { signal } = createTaskContext({ signal: controller.signal });
    controller.abort();
    expect(signal.aborted).toBe(true);
  });

  it('refuses a field that a context does not have', () => {
    expect(() => createTaskContext({ attempts: 2 } as never)).toThrow(UnknownOptionError);
    expect(() => createTaskContext({ task: { tag: 'eu' } } as never)).toThrow(UnknownOptionError);
    expect(() => createTaskContext({ previousRun: { id: 'r' } } as never)).toThrow(UnknownOptionError);
    expect(() => createTaskContext({ attempt: 0 })).toThrow('Invalid attempt: 0');
    expect(() => createTaskContext({ scheduledTime: 'noon' } as never)).toThrow('Invalid scheduledTime: "noon"');
    expect(() => createTaskContext({ deadline: new Date(NaN) })).toThrow('Invalid deadline: Invalid Date');
    expect(() => createTaskContext({ steps: null } as never)).toThrow('Invalid steps: null');
    expect(() => createTaskContext({ steps: { a: () => 1 } })).toThrow('Invalid steps["a"]');
    expect(() => createTaskContext({ steps: { a: 'x'.repeat(70_000) } })).toThrow(/Allowed: at most 65536 bytes/);
  });

  it('runs the steps of the handler, but for those that it is told the results of', async () => {
    const context = createTaskContext({ steps: { charge: { id: 'c1' } } });
    expect(await context.step('charge', () => ({ id: 'another' }))).toEqual({ id: 'c1' });
    expect(await context.step('mail', () => Promise.resolve(new Date(5)))).toEqual(new Date(5));
    await expect(context.step('mail', () => 1)).rejects.toThrow('"mail"');
  });
});
