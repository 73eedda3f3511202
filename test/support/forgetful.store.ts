import { MemoryStore } from 'nestjs-asyncz';
import type { Apply, Selection } from 'nestjs-asyncz/store';

/** Breaks off after it has written, as often as it is told to. */
export class ForgetfulStore extends MemoryStore {
  breaks = 0;

  override transact<T>(selection: Selection, apply: Apply<T>) {
    const answer = super.transact(selection, apply);
    if (this.breaks === 0) return answer;
    this.breaks -= 1;
    throw new Error('The answer was lost.');
  }
}
