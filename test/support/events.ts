import type { Scheduler, SchedulerEvent, SchedulerEventName, SchedulerService } from 'nestjs-asyncz';

type Emitter = Pick<Scheduler | SchedulerService, 'addListener' | 'removeListener'>;

/** Resolves with the next event of a name that meets the condition. Ask before what causes it. */
export function nextEvent<Name extends SchedulerEventName>(
  emitter: Emitter,
  name: Name,
  meets: (event: SchedulerEvent<Name>) => boolean = () => true,
): Promise<SchedulerEvent<Name>> {
  return new Promise((resolve) => {
    const listener = (event: SchedulerEvent<Name>) => {
      if (!meets(event)) return;
      emitter.removeListener(listener);
      resolve(event);
    };
    emitter.addListener(listener, name);
  });
}

/** Everything that is sent from now on, in order. */
export function recordEvents(emitter: Emitter): SchedulerEvent[] {
  const events: SchedulerEvent[] = [];
  emitter.addListener((event) => events.push(event));
  return events;
}
