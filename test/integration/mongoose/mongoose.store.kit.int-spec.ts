import { createConnection } from 'mongoose';
import { afterAll, describe, it } from 'vitest';
import { describeStore } from 'nestjs-asyncz/testing';
import type { StoreRequest } from 'nestjs-asyncz/testing';
import { MongooseStore } from 'nestjs-asyncz/mongoose';
import { useMongodb } from '../../support/mongodb.js';
import { PlacePool } from '../../support/place.pool.js';

const server = useMongodb();
const DATABASE = 'asyncz_kit';

const places = new PlacePool();
const collectionOf = ({ namespace }: StoreRequest) => `${places.of(namespace)}_tasks`;

/** Every collection of a namespace. */
async function collectionsOf({ namespace }: StoreRequest) {
  const database = server.client().db(DATABASE);
  const all = await database.listCollections({}, { nameOnly: true }).toArray();
  return all
    .filter(({ name }) => name.startsWith(`${places.of(namespace)}_`))
    .map(({ name }) => database.collection(name));
}

afterAll(() => server.client().db(DATABASE).dropDatabase());

describeStore(
  'MongooseStore',
  (request) => new MongooseStore({ uri: server.url(), database: DATABASE, collection: collectionOf(request) }),
  {
    describe,
    it,
    // The stand-in reads every document for every query.
    volume: 70,
    leaseMs: 1_000,
    cleanup: async (request) => {
      for (const collection of await collectionsOf(request)) await collection.deleteMany({});
      places.release(request.namespace);
    },
    damage: async ({ id, ...request }) => {
      const tasks = server.client().db(DATABASE).collection<{ _id: string; definition: string }>(collectionOf(request));
      const { definition } = (await tasks.findOne({ _id: id }))!;
      await tasks.updateOne({ _id: id }, { $set: { definition: definition.slice(0, -20) } });
      return async () => void (await tasks.updateOne({ _id: id }, { $set: { definition } }));
    },
    dump: async (request) => {
      const all = (await collectionsOf(request)).map((collection) => collection.find().toArray());
      return JSON.stringify(await Promise.all(all));
    },
    borrow: async (request) => {
      const connection = await createConnection(server.url()).asPromise();
      return {
        store: new MongooseStore({ connection, database: DATABASE, collection: collectionOf(request) }),
        isOpen: async () => (await connection.db!.admin().ping()).ok === 1,
        close: () => connection.close(),
      };
    },
    transaction: async (_, work) => {
      const client = server.client();
      await client.withSession((session) => session.withTransaction(() => work(session)));
    },
  },
);
