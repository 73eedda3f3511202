/** Something that one process of the host can have at a time, and that is free again the moment that process is gone. */
export interface Latch {
  /** Takes it, or gives null at once when another has it. */
  tryTake(): Promise<Taken | null>;
  /** Resolves when it may be free again, `limitMs` milliseconds later at the latest. */
  untilFree(limitMs: number): Promise<void>;
}

/** A latch that was taken. */
export interface Taken {
  /** Gives it back. Returns whether others wait for it. */
  release(): boolean;
}
