import type { Duration } from '../../model/duration.js';
import { EXIT } from '../cli.errors.js';
import { answer, defineCommand } from '../command.spec.js';
import { given, REASON } from './input.options.js';

export const status = defineCommand({
  name: 'status',
  summary: 'show whether the stores answer and who works on them; exit code 5 if something is wrong',
  role: 'observer',
  async run({ operations }) {
    const [info, instances] = await Promise.all([operations.getInfo(), operations.listInstances()]);
    const workers = instances.filter(({ alive, role }) => alive && role === 'worker');
    const isFailing = info.stores.some(({ state, emptiedAt }) => state !== 'ok' || emptiedAt !== null);
    const problems = [
      ...(workers.length === 0 ? ['No live worker: nothing runs.'] : []),
      ...info.stores.flatMap(({ store, state, lastError }) =>
        state === 'ok' ? [] : [`The store ${store} is failing: ${lastError ?? 'no answer'}`],
      ),
      ...(info.tasks.unreadable > 0 ? [`${info.tasks.unreadable} records cannot be read: see asyncz unreadable`] : []),
    ];
    const isHealthy = !isFailing && problems.length === 0;
    const json = { healthy: isHealthy, problems, workers: workers.length, tasks: info.tasks, stores: info.stores };
    return answer(
      json,
      (print) => {
        print.fields({ health: isHealthy ? 'ok' : 'failing', workers: workers.length });
        for (const problem of problems) print.line(problem);
        print.heading('Tasks');
        print.fields(info.tasks);
        print.heading('Stores');
        print.table(
          ['STORE', 'STATE', 'COORDINATION', 'WAKE-UPS', 'DURABLE'],
          info.stores.map(({ store, state, coordination, wakeUp, durable }) => [
            store,
            state,
            coordination,
            wakeUp,
            durable,
          ]),
          'No store.',
        );
      },
      isHealthy ? EXIT.ok : EXIT.refused,
    );
  },
});

export const instances = defineCommand({
  name: 'instances',
  summary: 'list the schedulers that share the stores, live and dead',
  role: 'observer',
  async run({ operations }) {
    const found = await operations.listInstances();
    return answer(found, (print) =>
      print.table(
        ['IDENTITY', 'STATE', 'ROLE', 'RUNNING', 'VERSION', 'STARTED', 'HEARTBEAT', 'CLOCK'],
        found.map((one) => [
          one.identity,
          one.alive ? (one.drain ? 'draining' : 'alive') : 'dead',
          one.role,
          one.running,
          one.version,
          print.time(one.startedAt),
          print.time(one.heartbeatAt),
          `${one.clockOffsetMs >= 0 ? '+' : ''}${one.clockOffsetMs} ms`,
        ]),
        'No scheduler has been here.',
      ),
    );
  },
});

const IDENTITY = [['<identity>', 'the identity of the scheduler, as instances shows it']] as const;

export const drain = defineCommand<{ reason?: string; wait?: boolean; timeout?: string }>({
  name: 'drain',
  summary: 'ask a scheduler to start nothing more, so that it can be stopped',
  args: IDENTITY,
  options: [
    REASON,
    { flags: '--wait', description: 'wait until it has no run under way' },
    { flags: '--timeout <duration>', description: 'how long to wait at the most' },
  ],
  role: 'client',
  async run({ operations, args: [identity], options: { reason, wait, timeout } }) {
    await operations.drainInstance({
      identity: identity!,
      ...given({ reason, wait, timeout: timeout as Duration | undefined }),
    });
    return answer({ identity, drained: wait === true }, (print) =>
      print.line(wait ? `${identity!} has no run under way.` : `${identity!} starts nothing more.`),
    );
  },
});

export const undrain = defineCommand({
  name: 'undrain',
  summary: 'end a drain: the scheduler starts runs again',
  args: IDENTITY,
  role: 'client',
  async run({ operations, args: [identity] }) {
    await operations.undrainInstance({ identity: identity! });
    return answer({ identity }, (print) => print.line(`${identity!} starts runs again.`));
  },
});
