import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AsynczModule } from 'nestjs-asyncz';
import { Books } from './books.js';
import { Invoice } from './invoice.entity.js';
import { InvoicesService } from './invoices.service.js';
import { ReportsService } from './reports.service.js';

@Module({
  imports: [
    TypeOrmModule.forRoot({ type: 'better-sqlite3', database: ':memory:', entities: [Invoice], synchronize: true }),
    AsynczModule.forRoot(),
  ],
  providers: [InvoicesService, ReportsService, Books],
})
export class AppModule {}
