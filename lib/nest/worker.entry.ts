import { serveWorker } from '../executors/pool/worker.server.js';
import { bootHandlers } from './worker.handlers.js';

// What a thread or a process of an executor begins with. It is a file of its own, which nothing imports.
void serveWorker(bootHandlers);
