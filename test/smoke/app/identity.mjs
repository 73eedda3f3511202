// One process that imports the package here and requires it there, as an application does whose libraries are of the other
// module system. Prints, for each subpath that it is given, the names that are not the same object both ways; and whether a
// task that is declared by the required decorator runs in a module that was imported.
import 'reflect-metadata';
import { createRequire } from 'node:module';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

const require = createRequire(import.meta.url);
const different = {};
for (const [at, specifier] of process.argv.slice(2).entries()) {
  // Either may be the first to load a subpath.
  let required = at % 2 === 0 ? require(specifier) : null;
  const imported = await import(specifier);
  required ??= require(specifier);
  const names = [...new Set([...Object.keys(imported), ...Object.keys(required)])];
  different[specifier] = names.filter((name) => imported[name] !== required[name]);
}

const imported = await import('nestjs-asyncz');
const required = require('nestjs-asyncz');
class Greetings {
  greet() {
    return 'hello';
  }
}
const method = Object.getOwnPropertyDescriptor(Greetings.prototype, 'greet');
required.ScheduledTask({ id: 'greet', trigger: 'date', runAt: '2100-01-01' })(Greetings.prototype, 'greet', method);
Module({ imports: [imported.AsynczModule.forRoot()], providers: [Greetings] })(Greetings);
const app = await NestFactory.createApplicationContext(Greetings, { logger: false });
const { result } = await app.get(required.SchedulerService).runTask('greet', { wait: true });
const error = await app
  .get(imported.SchedulerService)
  .pauseTask('none')
  .catch((thrown) => thrown);
await app.close();
console.log(JSON.stringify({ different, result, isCaught: error instanceof required.AsynczError }));
