import { Injectable, Module } from '@nestjs/common';
import { OnTaskEvent, ScheduledTask, TaskHandler } from 'nestjs-asyncz';
import { z } from 'zod';

/** Calls of `ship`. */
let shipped = 0;

@Injectable()
export class Orders {
  @TaskHandler('orders.ship', {
    schema: z.object({ to: z.string().trim().min(1), copies: z.coerce.number().default(2) }),
    schemaVersion: 2,
    upcast: { 1: (to: unknown) => ({ to: Array.isArray(to) ? to[0] : to }) },
  })
  ship(order: unknown): unknown {
    shipped += 1;
    return { order, shipped };
  }

  /** What it takes cannot be said in JSON Schema. */
  @TaskHandler('orders.secret', {
    schema: {
      '~standard': {
        version: 1,
        vendor: 'own',
        validate: async (value) => {
          if (value === null) throw new TypeError('nothing to look at');
          return Array.isArray(value) && value[0] === 7
            ? { value: [8] }
            : { issues: [{ message: 'is not 7', path: [0] }] };
        },
      },
    },
  })
  secret(number: number): number {
    return number;
  }

  @ScheduledTask({ id: 'orders.nightly', trigger: 'cron', expression: '0 2 * * *' })
  nightly(): void {}

  @OnTaskEvent('run.failed')
  onFailed(): void {}
}

@Module({ providers: [Orders] })
export class CheckedModule {}
