// What an application is told when it asks for a store whose package is not installed: one line for each type.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AsynczModule } from 'nestjs-asyncz';

const STORES = [
  { type: 'typeorm', url: 'postgres://127.0.0.1/x' },
  { type: 'redis', url: 'redis://127.0.0.1' },
  { type: 'mongodb', url: 'mongodb://127.0.0.1/x' },
];

for (const store of STORES) {
  // oxlint-disable-next-line typescript/no-extraneous-class -- a module; plain JavaScript has no decorators
  class AppModule {}
  Module({ imports: [AsynczModule.forRoot({ stores: { default: store } })] })(AppModule);
  try {
    await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
    console.log('nothing');
  } catch (error) {
    console.log(error.code, error.message);
  }
}
