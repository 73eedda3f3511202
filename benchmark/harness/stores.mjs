// The servers: those of the tests, found or started in the same way.
import { bringUpServers, SERVER_KINDS } from '../../test/support/servers/bring-up-servers.mjs';
import { serverUrl } from './places.mjs';

/** By store, the name of its kind of server among those of the tests. */
const KINDS = { redis: 'redis', postgres: 'postgres', mariadb: 'mysql', mongodb: 'mongodb' };

/**
 * Finds or starts the servers of stores, and names them in the environment. A MongoDB is used only where one is named: the
 * stand-in of the tests says nothing about its speed.
 *
 * @returns `absent`: the stores that cannot be measured; `stop`.
 */
export async function bringUpStores(stores) {
  const wanted = [...new Set(stores)].filter((store) => KINDS[store] !== undefined);
  const isNamed = (store) => serverUrl(store) !== undefined;
  const names = wanted.filter(isNamed).map((store) => KINDS[store]);
  const kinds = SERVER_KINDS.filter(({ name }) => names.includes(name));
  // None is indispensable, so none is installed.
  const servers = await bringUpServers({ kinds, skip: names.join(',') });
  const { env, lines, absent } = servers;
  Object.assign(process.env, env);
  for (const line of lines) console.log(line);
  const missing = wanted.filter((store) => !isNamed(store) || absent.includes(KINDS[store]));
  for (const store of missing) console.log(`${store}: left out, no server.`);
  return { absent: new Set(missing), stop: () => servers.stop() };
}
