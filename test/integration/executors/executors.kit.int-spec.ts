import { describe, it, vi } from 'vitest';
import { ProcessExecutor } from '../../../lib/executors/process.executor.js';
import { WorkerExecutor } from '../../../lib/executors/worker.executor.js';
import { describeExecutor } from '../../../lib/testing/describe-executor.js';
import { workerModule } from '../../support/worker.modules.js';

vi.mock('../../../lib/executors/pool/worker.file.js', async () => {
  const { builtWorkerFile } = await import('../../support/worker.modules.js');
  return builtWorkerFile();
});

const module = await workerModule('probes');
const hooks = { describe, it, timeoutMs: 120_000 };

describeExecutor('WorkerExecutor', () => new WorkerExecutor({ module, threads: 2 }), hooks);
describeExecutor('ProcessExecutor', () => new ProcessExecutor({ module, processes: 2 }), hooks);
