import { Injectable } from '@nestjs/common';
import { TaskHandler } from 'nestjs-asyncz';
import { Books } from './books.js';

/** Injects something request-scoped, so it is made anew for each run, too. */
@Injectable()
export class ReportsService {
  constructor(private readonly books: Books) {}

  @TaskHandler('reports.total')
  async total(): Promise<string> {
    return `${this.books.tenant} has invoices of ${await this.books.total()}`;
  }
}
