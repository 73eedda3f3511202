import { parentPort, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { describeThrown, headlineOf } from '../../errors/thrown.js';
import { crossError } from './crossing.js';
import { markWorker } from './in-worker.js';
import type { BootRequest, FromWorker, ToWorker } from './messages.js';
import type { BootHandlers, WorkerHandlers } from './worker.handlers.js';
import { WorkerRun } from './worker.run.js';

/** The way to the scheduler. */
interface Channel {
  readonly request: BootRequest;
  readonly send: (message: FromWorker) => void;
  readonly onMessage: (listener: (message: ToWorker) => void) => void;
}

/**
 * Serves runs in a worker, until it is told to stop: boots the handlers, calls them, one run at a time, and gives the results
 * back.
 */
export async function serveWorker(boot: BootHandlers): Promise<void> {
  markWorker();
  const { request, send, onMessage } = parentPort ? threadChannel(parentPort) : processChannel();
  let run: WorkerRun | null = null;
  let handlers: WorkerHandlers;
  try {
    handlers = await boot(request, (level, message) => send({ type: 'line', level, message }));
  } catch (error) {
    // It is ended from outside when that has arrived.
    send({ type: 'unready', error: crossError(error) });
    return;
  }
  onMessage((message) => {
    if (message.type === 'stop') void close(handlers, send);
    else if (message.type === 'run') {
      run = new WorkerRun(message, send, request.maxResultBytes);
      void run.execute(handlers);
    } else if (message.run === run?.number) run.receive(message);
  });
  send({ type: 'ready', ...handlers.booted });
}

/** Ends the worker when its module has closed. */
async function close(handlers: WorkerHandlers, send: Channel['send']): Promise<void> {
  try {
    await handlers.close();
  } catch (error) {
    send({ type: 'line', level: 'error', message: `It did not close: ${headlineOf(describeThrown(error))}` });
  }
  process.exit();
}

function threadChannel(port: MessagePort): Channel {
  return {
    request: workerData as BootRequest,
    send: (message) => port.postMessage(message),
    onMessage: (listener) => void port.on('message', listener),
  };
}

function processChannel(): Channel {
  // Signals to the whole group, such as that of a keyboard, are for the scheduler: it drains, and then stops this process.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
  // A process whose scheduler is gone has nobody to work for.
  process.once('disconnect', () => process.exit());
  const send = (message: FromWorker) => void process.send?.(message);
  process.on('uncaughtExceptionMonitor', (error) => send({ type: 'crash', error: crossError(error) }));
  return {
    request: JSON.parse(process.argv[2]!) as BootRequest,
    send,
    onMessage: (listener) => void process.on('message', listener as (message: unknown) => void),
  };
}
