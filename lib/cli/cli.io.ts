/** What a command has of the process that it runs in: tests give their own. */
export interface CliIo {
  /** Writes results. */
  readonly out: (text: string) => void;
  /** Writes what is said about the work: errors, questions, progress. */
  readonly err: (text: string) => void;
  /** Whether results are coloured: they go to a terminal, and nobody has asked for none (`NO_COLOR`). */
  readonly colours: boolean;
  /** Asks a person, who answers yes or not; null where nobody can answer. */
  readonly confirm: ((question: string) => Promise<boolean>) | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** The clock that relative times are from, in milliseconds since the epoch. */
  readonly now: () => number;
  /** Ends what follows or waits: the first Ctrl-C, or a reader that went away. */
  readonly signal: AbortSignal;
}
