import type { BaseTrigger } from './base.trigger.js';
import type { CalendarSource, ExclusionCalendar } from './calendars/calendar.interface.js';
import type { TriggerCreation, TriggerData } from './trigger.interface.js';

/**
 * The input of a trigger type's factory beside the options.
 *
 * @publicApi
 */
export interface TriggerContext extends TriggerCreation {
  /**
   * Makes a trigger that is part of this one.
   *
   * @param timezone The IANA zone for it when it names none.
   * @throws What {@link TriggerRegistry.create} throws.
   */
  create(data: TriggerData, timezone: string): BaseTrigger;
  /**
   * The calendar of a name, a definition or several of them; times that any of them excludes are excluded. If it is
   * registered again under its name, the new one is used from then on.
   *
   * @param timezone The IANA zone of definitions that name none.
   * @throws UnknownNameError, InvalidOptionError, UnknownOptionError
   */
  calendar(source: CalendarSource, timezone: string): () => ExclusionCalendar;
}
