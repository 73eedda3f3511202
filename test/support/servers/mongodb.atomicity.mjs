import mongoose from 'mongoose';

const DOCUMENTS = 100;
const CLIENTS = 4;

/**
 * Whether a server changes a document in one step: several clients claim the same documents through `findOneAndUpdate`,
 * and each document must go to one of them. FerretDB as it comes hands most of them out several times.
 *
 * @param {string} url
 */
export async function isAtomic(url) {
  const clients = Array.from({ length: CLIENTS }, () => new mongoose.mongo.MongoClient(url));
  const database = clients[0].db('asyncz_atomicity');
  try {
    await database.dropDatabase();
    await database.collection('claims').insertMany(Array.from({ length: DOCUMENTS }, (_, at) => ({ at, owner: null })));
    const claimed = await Promise.all(clients.map((client, owner) => claimAll(client, owner)));
    await database.dropDatabase();
    return claimed.reduce((sum, count) => sum + count, 0) === DOCUMENTS;
  } finally {
    await Promise.all(clients.map((client) => client.close()));
  }
}

async function claimAll(client, owner) {
  const claims = client.db('asyncz_atomicity').collection('claims');
  for (let count = 0; count <= DOCUMENTS; count += 1) {
    const claimed = await claims.findOneAndUpdate({ owner: null }, { $set: { owner } }, { sort: { at: 1 } });
    if (claimed === null) return count;
  }
  return DOCUMENTS + 1;
}
