// A node:cluster of two workers that both want the same latch. Arguments: the built library, the latch's key. Prints who
// got it.
import cluster from 'node:cluster';
import { once } from 'node:events';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [library, key] = process.argv.slice(2);

if (cluster.isPrimary) {
  const ask = async (worker, command) => {
    worker.send(command);
    const [answer] = await once(worker, 'message');
    return answer;
  };
  const workers = [cluster.fork(), cluster.fork()];
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  const [one, two] = workers;
  const first = await ask(one, 'take');
  const second = await ask(two, 'take');
  await ask(one, 'release');
  const secondAfterRelease = await ask(two, 'take');
  console.log(JSON.stringify({ first, second, secondAfterRelease }));
  for (const worker of workers) worker.kill();
} else {
  const { SocketLatch } = await import(pathToFileURL(join(library, 'stores/file/socket.latch.js')).href);
  const latch = new SocketLatch(key);
  let taken = null;
  process.on('message', (command) => {
    if (command === 'take') {
      void latch.tryTake().then((got) => {
        taken = got;
        process.send(got !== null);
      });
    } else {
      taken.release();
      process.send(true);
    }
  });
  process.send('ready');
}
