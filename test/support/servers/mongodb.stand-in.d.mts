export declare function canHaveStandIn(): Promise<boolean>;
export declare function buildStandIn(): Promise<string>;
export declare function checkStandIn(url: string): Promise<void>;
export declare function startStandIn(options: {
  folder: string;
  port?: number;
  answers: (url: string) => Promise<unknown>;
}): Promise<{ url: string; port: number; pid: number; stop(signal?: NodeJS.Signals): Promise<void> }>;
