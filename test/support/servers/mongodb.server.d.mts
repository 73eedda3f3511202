import type { ServerKind } from './bring-up-servers.mjs';

export declare const MONGODB: ServerKind;
export declare function answers(url: string): Promise<string>;
