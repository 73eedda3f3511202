import { parse, stringify } from 'devalue';
import type { StringifyOptions } from 'devalue';
import { inspectValue } from './value-inspection.js';

/**
 * JSON for everything that people schedule with: see `docs/persistence.md` for the kinds of values. Plain JSON is not
 * even given to it: the codec writes that as it is.
 */
export class JsonSerializer {
  readonly name = 'json';

  /** @throws ValueFault For a value that it cannot write. */
  serialize(value: unknown): string {
    inspectValue(value);
    return stringify(value, undefined, OPTIONS);
  }

  /** @throws Error For text that it did not write. */
  deserialize(text: string): unknown {
    const value: unknown = parse(text);
    // The library knows kinds of values, such as cycles and patterns, that are never written here.
    inspectValue(value);
    return value;
  }
}

const OPTIONS: StringifyOptions = {
  operations: {
    // A view is written with the whole of its buffer otherwise, with what other data may be in there.
    viewInfo: (view: ArrayBufferView) => {
      const { buffer } = new Uint8Array(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
      const { byteLength } = view;
      const length = 'length' in view ? (view.length as number) : byteLength;
      return { buffer, byteOffset: 0, byteLength, length, bufferByteLength: byteLength };
    },
  },
};
