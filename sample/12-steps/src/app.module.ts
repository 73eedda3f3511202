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
      database: process.env.DATABASE ?? './var/steps.db',
      enableWAL: true,
      entities: [Order],
      synchronize: true,
    }),
    // A short lease, so that the run of a process that died goes on after two seconds instead of half a minute.
    AsynczModule.forRoot({ stores: { default: typeormStore() }, lease: '2s', pollInterval: '500ms' }),
  ],
  providers: [OrdersService],
})
export class AppModule {}
