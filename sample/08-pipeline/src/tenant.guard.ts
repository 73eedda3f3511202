import { Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { AsynczExecutionContext } from 'nestjs-asyncz';
import type { AsynczContextType } from 'nestjs-asyncz';

/** Lets only the tasks of one tenant through. The same guard may stand on a controller: requests are none of its business. */
@Injectable()
export class TenantGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    if (context.getType<AsynczContextType>() !== 'asyncz') return true;
    return AsynczExecutionContext.create(context).getTaskContext().task.tags.includes('acme');
  }
}
