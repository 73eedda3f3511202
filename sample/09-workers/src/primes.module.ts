import { Injectable, Module } from '@nestjs/common';
import { TaskHandler } from 'nestjs-asyncz';
import type { TaskContext } from 'nestjs-asyncz';

@Injectable()
export class Divisors {
  isPrime(number: number): boolean {
    for (let divisor = 2; divisor * divisor <= number; divisor += 1) if (number % divisor === 0) return false;
    return number > 1;
  }
}

/** Each thread has an instance of its own, with what it injects. */
@Injectable()
export class Primes {
  constructor(private readonly divisors: Divisors) {}

  @TaskHandler('primes.count')
  count(below: number, context: TaskContext): number {
    let count = 0;
    for (let number = 2; number < below; number += 1) {
      if (number % (below / 2) === 0) context.progress(number / below);
      if (this.divisors.isPrime(number)) count += 1;
    }
    return count;
  }
}

@Module({ providers: [Divisors, Primes] })
export class PrimesModule {}
