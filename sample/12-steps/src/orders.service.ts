import { Injectable } from '@nestjs/common';
import { SchedulerService, TaskHandler } from 'nestjs-asyncz';
import type { TaskContext } from 'nestjs-asyncz';
import { DataSource } from 'typeorm';
import type { EntityManager } from 'typeorm';
import { Order } from './order.entity.js';

/** The handlers that tasks can name, with the methods behind them. */
interface Handlers {
  'orders.fulfil': OrdersService['fulfil'];
}

@Injectable()
export class OrdersService {
  constructor(
    private readonly dataSource: DataSource,
    private readonly scheduler: SchedulerService<Handlers>,
  ) {}

  isEmpty(): Promise<boolean> {
    return this.dataSource.manager.count(Order).then((count) => count === 0);
  }

  async place(item: string): Promise<Order> {
    const order = await this.dataSource.manager.save(this.dataSource.manager.create(Order, { item }));
    await this.scheduler.addTask({ id: `order-${order.id}`, handler: 'orders.fulfil', args: [order.id] });
    return order;
  }

  @TaskHandler('orders.fulfil')
  async fulfil(orderId: number, context: TaskContext): Promise<string> {
    const charge = await context.step('charge', () => this.charge(orderId, `${context.runId}/charge`));
    if (context.attempt === 1) this.die();
    await context.sleep('1s', { name: 'packing' });
    // What is written here and the end of the run are one commit.
    return context.transaction(async (manager: EntityManager) => {
      await manager.increment(Order, { id: orderId }, 'parcels', 1);
      const { parcels } = await manager.findOneByOrFail(Order, { id: orderId });
      return `paid with ${charge}, parcels ${parcels}, attempt ${context.attempt}`;
    });
  }

  /** A payment service would take the key, so that a step that is done again charges once. */
  private charge(orderId: number, _idempotencyKey: string): string {
    console.log(`order ${orderId} is charged`);
    return `charge-${orderId}`;
  }

  /** As a power cut does. */
  private die(): void {
    console.log('the process dies');
    process.kill(process.pid, 'SIGKILL');
  }
}
