// The server through its driver alone, in batches: what a scheduler could do on it at most. A batch is taken under a lease with
// a token, the handler is called for each task, and what has ended is removed, with or without a row of history.
const FILES = {
  redis: 'redis',
  postgres: 'postgres',
  mariadb: 'mysql',
  sqlite: 'sqlite',
  files: 'files',
  mongodb: 'mongodb',
};

async function open(site, handler) {
  const { connect } = await import(`./bare/${FILES[site.place.store]}.mjs`);
  const { batch, history } = site.settings;
  const isKept = history === 'all';
  const server = await connect(site.place, { isKept });
  let work = Promise.resolve();
  const state = { isStopped: false };
  const loop = async () => {
    while (!state.isStopped) {
      const taken = await server.take(batch);
      if (taken.length === 0) return;
      const ended = await Promise.all(
        taken.map(async (task) => {
          const startedAt = Date.now();
          await handler(task.payload.args[0]);
          return { ...task, startedAt, endedAt: Date.now() };
        }),
      );
      await server.end(ended);
    }
  };
  return {
    addOne: (id) => server.add([taskOf(id, Date.now())]),
    async add(count, { from = 0, at } = {}) {
      for (let first = from; first < from + count; first += ADD_SIZE) {
        const length = Math.min(ADD_SIZE, from + count - first);
        await server.add(Array.from({ length }, (_, index) => taskOf(first + index, at ?? Date.now())));
      }
    },
    go() {
      work = loop();
      work.catch((error) => console.error(error));
    },
    left: () => server.left(),
    kept: () => (isKept ? server.kept() : null),
    async close() {
      state.isStopped = true;
      await work;
      await server.close();
    },
  };
}

/** How many tasks one call adds. */
const ADD_SIZE = 1_000;

/** A task as small as a scheduler could store one. */
const taskOf = (id, due) => ({
  id: `task-${id}`,
  due,
  payload: { handler: 'work', args: [id], retry: null, timeout: null },
});

/** A row of history as small as it could be. */
export const historyOf = ({ id, token, startedAt, endedAt }) => ({
  taskId: id,
  token,
  startedAt,
  endedAt,
  status: 'succeeded',
});

export const adapter = {
  packages: [],
  settings: { batch: 500, history: 'none' },
  describe: ({ batch, history }) =>
    `batches of ${batch}, ${history === 'all' ? 'a row of history each' : 'no history'}`,
  open,
};
