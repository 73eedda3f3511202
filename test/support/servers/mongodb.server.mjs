import mongoose from 'mongoose';
import { findBinary, freePort, isListening, removeFolder, startServer, temporaryFolder } from './owned-process.mjs';
import { canHaveStandIn, checkStandIn, startStandIn } from './mongodb.stand-in.mjs';

const connectTo = (url, options = {}) =>
  new mongoose.mongo.MongoClient(url, { serverSelectionTimeoutMS: 5_000, connectTimeoutMS: 5_000, ...options });

export async function answers(url) {
  const client = connectTo(url);
  try {
    const { version } = await client.db('admin').command({ buildInfo: 1 });
    return version;
  } finally {
    await client.close();
  }
}

/** A real server is started as a replica set of one, so that transactions and change streams are tested too. */
async function startMongod(mongod) {
  const folder = await temporaryFolder();
  const port = await freePort();
  const direct = `mongodb://127.0.0.1:${port}/?directConnection=true`;
  const args = ['--port', `${port}`, '--dbpath', folder, '--bind_ip', '127.0.0.1', '--replSet', 'asyncz'];
  const server = await startServer(mongod, args, () => answers(direct));
  const client = connectTo(direct);
  try {
    const members = [{ _id: 0, host: `127.0.0.1:${port}` }];
    await client.db('admin').command({ replSetInitiate: { _id: 'asyncz', members } });
  } finally {
    await client.close();
  }
  const url = `mongodb://127.0.0.1:${port}/?replicaSet=asyncz`;
  await answers(url);
  return { url, how: mongod, stop: () => server.stop().then(() => removeFolder(folder)) };
}

/** The variable that says that the server of `npm test` is the stand-in. */
export const STAND_IN = 'ASYNCZ_TEST_MONGODB_STAND_IN';

export async function startBuiltStandIn() {
  const folder = await temporaryFolder();
  const { url, stop } = await startStandIn({ folder, answers });
  try {
    await checkStandIn(url);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url,
    how: 'the stand-in of test/support/mongodb (FerretDB), built with Go',
    env: { [STAND_IN]: '1' },
    stop: () => stop().then(() => removeFolder(folder)),
  };
}

/** Only where the project's user has installed it: it downloads a server, which many machines may not. */
async function startMemoryServer() {
  const name = 'mongodb-memory-server';
  const found = await import(name).catch(() => null);
  if (found === null) return null;
  const server = await found.MongoMemoryReplSet.create({ replSet: { count: 1 } });
  return { url: server.getUri(), how: name, stop: () => server.stop().then(() => {}) };
}

/** @type {import('./bring-up-servers.mjs').ServerKind} */
export const MONGODB = {
  name: 'mongodb',
  title: 'MongoDB',
  variable: 'ASYNCZ_TEST_MONGODB_URL',
  packages: [],
  instructions:
    'install mongod, or Go for the stand-in, or mongodb-memory-server where downloads are possible, or set ASYNCZ_TEST_MONGODB_URL=mongodb://host:port',
  answers,

  async listening() {
    return (await isListening(27017)) ? ['mongodb://127.0.0.1:27017'] : null;
  },

  async start() {
    const mongod = findBinary(['mongod']);
    if (mongod !== null) return startMongod(mongod);
    if (await canHaveStandIn()) return startBuiltStandIn();
    return startMemoryServer();
  },
};
