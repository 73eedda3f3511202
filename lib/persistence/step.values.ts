import { MAX_STEP_BYTES } from '../model/step.bounds.js';
import { parseJsonObject } from './json-text.js';
import { JsonSerializer } from './json.serializer.js';
import { readValue, valueMember } from './payload.js';
import { LargeValueFault } from './value-inspection.js';

const SERIALIZER = new JsonSerializer();

/** The results of steps as the text that they are kept as. */
export const STEP_VALUES = {
  /**
   * The same whichever serializer the store has: the state of a task, in which the text stands, is JSON.
   *
   * @returns undefined for undefined, null for what is found to be larger than what is kept of a step before it is written.
   * @throws ValueFault For a value that cannot be written.
   */
  write(value: unknown): string | undefined | null {
    if (value === undefined) return undefined;
    try {
      return `{${valueMember('result', value, SERIALIZER, MAX_STEP_BYTES)}}`;
    } catch (error) {
      if (error instanceof LargeValueFault) return null;
      throw error;
    }
  },

  /** @throws UnreadableFault For a text that was not written here. */
  read(text: string | undefined): unknown {
    return text === undefined ? undefined : readValue('result', parseJsonObject(text, 'result'), SERIALIZER);
  },
};
