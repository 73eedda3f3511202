/**
 * Work that is asked for by many and done by one: what is asked for while it is done has it done once more afterwards.
 * Nothing that was asked for is lost, in whichever moment it was.
 */
export class CoalescedWork {
  #running: Promise<void> | null = null;
  #isAskedFor = false;

  /** @param work Must not throw before it returns its promise. When it rejects, whoever has asked meanwhile is told. */
  constructor(private readonly work: () => Promise<void>) {}

  /** What is under way; null when that is nothing. */
  get running(): Promise<void> | null {
    return this.#running;
  }

  /** Resolves when it was done after this was asked. */
  ask(): Promise<void> {
    this.#isAskedFor = true;
    return (this.#running ??= this.#run());
  }

  /** Resolves when nothing is under way any more. */
  async drained(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async #run(): Promise<void> {
    try {
      while (this.#isAskedFor) {
        this.#isAskedFor = false;
        await this.work();
      }
    } finally {
      // In the same step as the last look: what is asked for between that and the end of this promise would be lost.
      this.#running = null;
    }
  }
}
