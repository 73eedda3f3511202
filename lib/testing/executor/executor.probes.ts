import { TaskContext } from '../../executors/task-context.js';

/**
 * The handlers that `describeExecutor` has executed. An executor that has its handlers elsewhere, such as in another process,
 * needs them there under these names: `export const { probeEcho, probeEchoLater, … } = executorProbes` in its module.
 *
 * @publicApi
 */
export const executorProbes = {
  /** Returns its arguments. */
  probeEcho: (...args: unknown[]): unknown => args.slice(0, -1),

  /** Returns its arguments, later. */
  probeEchoLater: async (...args: unknown[]): Promise<unknown> => {
    await nextTurn();
    return args.slice(0, -1);
  },

  /** Throws an error with a code and a cause. */
  probeThrow: (_context: TaskContext): never => {
    throw Object.assign(new TypeError('outer', { cause: new RangeError('inner') }), { code: 'E_PROBE' });
  },

  /** Throws the same, later. */
  probeThrowLater: async (context: TaskContext): Promise<never> => {
    await nextTurn();
    return executorProbes.probeThrow(context);
  },

  /** Ends when its signal is aborted, and gives the reason. Its progress is `begun`. */
  probeHold: async (context: TaskContext): Promise<unknown> => {
    const { signal } = context;
    if (!signal.aborted) {
      const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      context.progress('begun');
      await aborted;
    }
    const { name, message, code } = signal.reason as Error & { code?: string };
    return { name, message, code };
  },

  /** Says what it sees of its run. */
  probeLook: async (context: TaskContext): Promise<unknown> => {
    const atOnce = TaskContext.current()?.runId;
    await nextTurn();
    return {
      seen: await fieldsOf(context),
      current: [atOnce, TaskContext.current()?.runId],
    };
  },

  /** Does two steps, of which the second fails. */
  probeSteps: async (context: TaskContext): Promise<unknown> => {
    const first = await context.step('first', () => ({ at: new Date(5), runId: TaskContext.current()?.runId }));
    const failure = new RangeError('the step failed');
    try {
      await context.step('second', () => Promise.reject(failure));
    } catch (error) {
      return { first, isTheSame: error === failure };
    }
    return { first };
  },

  /** Makes progress and writes log lines. */
  probeTell: async (context: TaskContext): Promise<void> => {
    context.log.log('first');
    context.progress(1);
    await nextTurn();
    context.log.warn('second');
    context.progress({ at: new Date(5) });
  },
};

/** All that a handler can ask its context for. */
export async function fieldsOf(context: TaskContext): Promise<Readonly<Record<string, unknown>>> {
  const fields: Record<string, unknown> = { previousResult: await context.previousResult() };
  for (const [key, property] of Object.entries(Object.getOwnPropertyDescriptors(TaskContext.prototype))) {
    if (property.get && key !== 'signal' && key !== 'log') fields[key] = property.get.call(context);
  }
  return { ...fields, task: { ...context.task } };
}

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));
