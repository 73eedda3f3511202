import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mongoose from 'mongoose';
import type { mongo } from 'mongoose';
import { afterAll, beforeAll } from 'vitest';
import { bringUpServers } from './servers/bring-up-servers.mjs';
import { answers, MONGODB } from './servers/mongodb.server.mjs';
import { checkStandIn, startStandIn } from './servers/mongodb.stand-in.mjs';

/** A server for the tests of one file: the one that `npm test` has brought up, or one of its own. */
export function useMongodb(): { url(): string; client(): mongo.MongoClient } {
  let url = '';
  let client: mongo.MongoClient;
  let stop: () => Promise<void>;
  beforeAll(async () => {
    const servers = await bringUpServers({ kinds: [MONGODB], skip: '' });
    stop = () => servers.stop();
    url = servers.env.ASYNCZ_TEST_MONGODB_URL!;
    client = new mongoose.mongo.MongoClient(url);
  });
  afterAll(async () => {
    await client?.close();
    await stop?.();
  });
  return { url: () => url, client: () => client };
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
