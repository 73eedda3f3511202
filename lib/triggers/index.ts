// The public names of `nestjs-asyncz/triggers`: what only authors of triggers use. Errors, `createTrigger` and the options of
// the built-in triggers are in the main entry.

export { BaseTrigger } from './base.trigger.js';
export type {
  CatchUp,
  Occurrence,
  TriggerAdvance,
  TriggerCreation,
  TriggerData,
  TriggerSeed,
} from './trigger.interface.js';
export type { TriggerContext } from './trigger.context.js';
export type { ExclusionCalendar } from './calendars/calendar.interface.js';
export { defaultTriggerRegistry, TriggerRegistry } from './trigger.registry.js';
export type { TriggerClass, TriggerFactory } from './trigger.registry.js';
