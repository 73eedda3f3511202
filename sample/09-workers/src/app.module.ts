import { Module } from '@nestjs/common';
import { AsynczModule } from 'nestjs-asyncz';

@Module({
  imports: [
    AsynczModule.forRoot({
      executors: {
        cpu: { type: 'worker', module: () => import('./primes.module.js'), threads: 2 },
        images: { type: 'process', module: () => import('./images.js'), processes: 1 },
      },
    }),
  ],
})
export class AppModule {}
