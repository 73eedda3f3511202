import { Catch } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import { AsynczExecutionContext } from 'nestjs-asyncz';

/** Makes an alert of each failed attempt. The run has failed nevertheless, and is tried again as its task says. */
@Catch()
export class AlertFilter implements ExceptionFilter {
  catch(error: Error, host: ArgumentsHost): void {
    const { task, attempt } = AsynczExecutionContext.create(host).getTaskContext();
    console.log(`ALERT ${task.id}, attempt ${attempt}: ${error.message}`);
  }
}
