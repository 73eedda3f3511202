let isWorker = false;

/** This thread or process is a worker of an executor from now on. */
export function markWorker(): void {
  isWorker = true;
}

/** Whether this thread or process is a worker of an executor. */
export function isInWorker(): boolean {
  return isWorker;
}
