import { Module } from '@nestjs/common';
import { AsynczModule } from 'nestjs-asyncz';

/** What somebody gives who takes the module of the application for that of the worker. */
@Module({ imports: [AsynczModule.forRoot()] })
export class WholeApplicationModule {}
