import { parseJsonObject } from './json-text.js';
import { JsonSerializer } from './json.serializer.js';
import { readValue, valueMember } from './payload.js';

const SERIALIZER = new JsonSerializer();

/** The results of steps as the text that they are kept as. */
export const STEP_VALUES = {
  /**
   * The same whichever serializer the store has: the state of a task, in which the text stands, is JSON.
   *
   * @returns undefined for undefined.
   * @throws ValueFault For a value that cannot be written.
   */
  write(value: unknown): string | undefined {
    return value === undefined ? undefined : `{${valueMember('result', value, SERIALIZER)}}`;
  },

  /** @throws UnreadableFault For a text that was not written here. */
  read(text: string | undefined): unknown {
    return text === undefined ? undefined : readValue('result', parseJsonObject(text, 'result'), SERIALIZER);
  },
};
