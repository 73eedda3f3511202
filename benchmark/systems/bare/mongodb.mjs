import { MongoClient } from 'mongodb';
import { historyOf } from '../bare.mjs';

/** How long a batch is leased, in ms. */
const LEASE_MS = 30_000;

export async function connect({ url }, { isKept }) {
  const client = await MongoClient.connect(url);
  const [tasks, history] = ['tasks', 'history'].map((name) => client.db().collection(name));
  await tasks.createIndex({ due: 1 });
  let token = process.pid * 1_000_000;
  return {
    add: (added) => tasks.insertMany(added.map(({ id, ...task }) => ({ _id: id, ...task }))),
    async take(limit) {
      const now = Date.now();
      const own = (token += 1);
      const due = await tasks
        .find({ due: { $lte: now } }, { projection: { _id: 1 } })
        .sort({ due: 1 })
        .limit(limit)
        .toArray();
      if (due.length === 0) return [];
      const ids = due.map(({ _id }) => _id);
      await tasks.updateMany({ _id: { $in: ids }, due: { $lte: now } }, { $set: { due: now + LEASE_MS, token: own } });
      const taken = await tasks.find({ _id: { $in: ids }, token: own }).toArray();
      return taken.map(({ _id: id, payload }) => ({ id, token: own, payload }));
    },
    async end(ended) {
      await tasks.deleteMany({ _id: { $in: ended.map(({ id }) => id) }, token: ended[0].token });
      if (isKept) await history.insertMany(ended.map(historyOf), { ordered: false });
    },
    left: () => tasks.countDocuments({}, { limit: 1 }),
    kept: () => history.countDocuments(),
    close: () => client.close(),
  };
}
