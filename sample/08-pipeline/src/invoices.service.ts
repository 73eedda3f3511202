import { Injectable, ParseIntPipe, UseFilters, UseGuards, UseInterceptors } from '@nestjs/common';
import { Context, Payload, TaskHandler } from 'nestjs-asyncz';
import type { TaskContext } from 'nestjs-asyncz';
import type { EntityManager } from 'typeorm';
import { AlertFilter } from './alert.filter.js';
import { Invoice } from './invoice.entity.js';
import { TenantGuard } from './tenant.guard.js';
import { Transaction, TransactionInterceptor } from './transaction.interceptor.js';

@Injectable()
@UseGuards(TenantGuard)
@UseFilters(AlertFilter)
export class InvoicesService {
  @TaskHandler('invoices.book')
  @UseInterceptors(TransactionInterceptor)
  async book(
    @Payload('cents', ParseIntPipe) cents: number,
    @Transaction() transaction: EntityManager,
    @Context() context: TaskContext,
  ): Promise<string> {
    await transaction.insert(Invoice, { tenant: context.task.tags[0], cents });
    if (cents <= 0) throw new Error('an invoice of nothing');
    return `booked ${cents}`;
  }
}
