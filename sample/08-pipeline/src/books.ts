import { Inject, Injectable, Scope } from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import type { TaskContext } from 'nestjs-asyncz';
import { DataSource } from 'typeorm';
import { Invoice } from './invoice.entity.js';

/** The books of the tenant that a run is for: made anew for each run, with a database handle and the context of the run. */
@Injectable({ scope: Scope.REQUEST })
export class Books {
  readonly tenant: string;

  constructor(
    private readonly dataSource: DataSource,
    @Inject(REQUEST) context: TaskContext,
  ) {
    this.tenant = context.task.tags[0] ?? 'nobody';
  }

  async total(): Promise<number> {
    return (await this.dataSource.manager.sum(Invoice, 'cents', { tenant: this.tenant })) ?? 0;
  }
}
