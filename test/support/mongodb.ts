import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mongoose from 'mongoose';
import type { mongo } from 'mongoose';
import { afterAll, beforeAll } from 'vitest';
import { bringUpServers } from './servers/bring-up-servers.mjs';
import { answers, MONGODB, STAND_IN, startBuiltStandIn } from './servers/mongodb.server.mjs';
import { checkStandIn, startStandIn } from './servers/mongodb.stand-in.mjs';

/**
 * A server for the tests of one file: the one that `npm test` has brought up, or one of its own. The stand-in lets one command
 * through at a time and reads every document for it, so no file shares it: a thousand tasks of one would keep the others
 * waiting for as long as half a minute.
 */
export function useMongodb(): { url(): string; client(): mongo.MongoClient } {
  let url = '';
  let client: mongo.MongoClient;
  let stop: () => Promise<void>;
  beforeAll(async () => {
    ({ url, stop } = process.env[STAND_IN] ? await startBuiltStandIn() : await findServer());
    client = new mongoose.mongo.MongoClient(url);
  });
  afterAll(async () => {
    await client?.close();
    await stop?.();
  });
  return { url: () => url, client: () => client };
}

async function findServer(): Promise<{ url: string; stop(): Promise<void> }> {
  const { env, stop } = await bringUpServers({ kinds: [MONGODB], skip: '' });
  return { url: env[MONGODB.variable]!, stop };
}

/** A stand-in that a test may kill and start again on the same data. */
export class KillableStandIn {
  #stop: (signal?: NodeJS.Signals) => Promise<void> = async () => {};

  private constructor(
    private readonly folder: string,
    readonly url: string,
    private readonly port: number,
  ) {}

  static async start(): Promise<KillableStandIn> {
    const folder = await mkdtemp(join(tmpdir(), 'asyncz-'));
    const { url, port, stop } = await startStandIn({ folder, answers });
    await checkStandIn(url);
    const standIn = new KillableStandIn(folder, url, port);
    standIn.#stop = stop;
    return standIn;
  }

  async kill(): Promise<void> {
    await this.#stop('SIGKILL');
  }

  async startAgain(): Promise<void> {
    const { stop } = await startStandIn({ folder: this.folder, port: this.port, answers });
    this.#stop = stop;
  }

  async dispose(): Promise<void> {
    await this.#stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}
