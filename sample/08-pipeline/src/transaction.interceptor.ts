import { AsyncLocalStorage } from 'node:async_hooks';
import { createParamDecorator, Injectable } from '@nestjs/common';
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { from, lastValueFrom } from 'rxjs';
import type { Observable } from 'rxjs';
import { DataSource } from 'typeorm';
import type { EntityManager } from 'typeorm';

const transactions = new AsyncLocalStorage<EntityManager>();

/** Gives a parameter the entity manager of the transaction that the run is in. */
export const Transaction = createParamDecorator(() => transactions.getStore());

/** Opens a transaction round each run: it is committed when the handler returns, and rolled back when it throws. */
@Injectable()
export class TransactionInterceptor implements NestInterceptor {
  constructor(private readonly dataSource: DataSource) {}

  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return from(
      this.dataSource.transaction((manager) => transactions.run(manager, () => lastValueFrom(next.handle()))),
    );
  }
}
