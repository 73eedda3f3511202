import type { ServerKind, StartedServer } from './bring-up-servers.mjs';

export declare const MONGODB: ServerKind;
export declare function answers(url: string): Promise<string>;
export declare const STAND_IN: string;
export declare function startBuiltStandIn(): Promise<StartedServer>;
