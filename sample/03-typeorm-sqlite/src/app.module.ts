import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AsynczModule } from 'nestjs-asyncz';
import { typeormStore } from 'nestjs-asyncz/typeorm';
import { Order } from './order.entity.js';
import { OrdersService } from './orders.service.js';

@Module({
  imports: [
    TypeOrmModule.forRoot({
      type: 'better-sqlite3',
      database: process.env.DATABASE ?? './var/orders.db',
      enableWAL: true,
      entities: [Order],
      synchronize: true,
    }),
    // On the application's own data source, so that a task can be added in the application's own transaction.
    AsynczModule.forRoot({ stores: { default: typeormStore() } }),
  ],
  providers: [OrdersService],
})
export class AppModule {}
