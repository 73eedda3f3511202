import { Injectable } from '@nestjs/common';
import { SchedulerService, TaskHandler } from 'nestjs-asyncz';
import type { TaskContext } from 'nestjs-asyncz';
import { DataSource } from 'typeorm';
import { Order } from './order.entity.js';

/** The handlers that tasks can name, with the methods behind them. */
interface Handlers {
  'orders.confirm': OrdersService['confirm'];
}

@Injectable()
export class OrdersService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly scheduler: SchedulerService<Handlers>,
  ) {}

  /**
   * The order and the task that confirms it are committed together: there is never an order that nobody confirms, nor a
   * confirmation of an order that was rolled back.
   */
  place(item: string, confirmAt: Date): Promise<Order> {
    return this.dataSource.transaction(async (transaction) => {
      const order = await transaction.save(transaction.create(Order, { item }));
      await this.scheduler.addTask({
        id: `confirm-${order.id}`,
        handler: 'orders.confirm',
        args: [order.id],
        trigger: { type: 'date', runAt: confirmAt },
        transaction,
      });
      if (item === '') throw new Error('an order of nothing');
      return order;
    });
  }

  @TaskHandler('orders.confirm')
  async confirm(orderId: number, context: TaskContext): Promise<string> {
    await this.dataSource.manager.update(Order, orderId, { confirmed: true });
    return `order ${orderId} confirmed, attempt ${context.attempt}`;
  }
}
