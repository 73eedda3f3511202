export interface StartedServer {
  readonly url: string;
  /** Which program it is. */
  readonly how: string;
  /** What the tests have to know of it beside its address, as variables of the environment. */
  readonly env?: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** How to find or start one kind of server. */
export interface ServerKind {
  /** As `ASYNCZ_TEST_SKIP` names it. */
  readonly name: string;
  readonly title: string;
  /** The environment variable for its address. */
  readonly variable: string;
  /** The Debian packages that bring it. */
  readonly packages: readonly string[];
  /** What somebody is to do who does not have it. */
  readonly instructions: string;
  /** Resolves with the version when it can be used. */
  answers(url: string): Promise<unknown>;
  /** The addresses to try where something listens on the usual port; null where nothing does. */
  listening(): Promise<readonly string[] | null>;
  /** Starts it on a free port in a temporary folder; null when it is not on the machine. */
  start(): Promise<StartedServer | null>;
}

export interface Servers {
  /** The addresses, by the variables that the tests read. */
  readonly env: Record<string, string>;
  /** What was found, one line for each kind of server. */
  readonly lines: string[];
  /** The names of those that are not there and that `ASYNCZ_TEST_SKIP` allows to be. */
  readonly absent: string[];
  /** Stops what was started. */
  stop(): Promise<void>;
}

export declare const SERVER_KINDS: readonly ServerKind[];

export declare function bringUpServers(options?: {
  kinds?: readonly ServerKind[];
  skip?: string;
  usualPorts?: boolean;
}): Promise<Servers>;
