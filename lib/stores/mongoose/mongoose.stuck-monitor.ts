import type { mongo } from 'mongoose';
import type { Clock } from '../../model/clock.js';

/**
 * Opens a client anew when the driver's watch over a server hangs. Driver 7.8 may write its question to a socket that is
 * destroyed already, and then waits for a `drain` that never comes: it asks no more, so it never finds the server again
 * after a cut. Questions whose answers take long on purpose say so (`awaited`) and are left alone; any other one has to end
 * within `connectTimeoutMS`, and gets twice that.
 *
 * @returns A function that ends it.
 */
export function reopenWhenStuck(client: mongo.MongoClient, clock: Clock): () => void {
  const watched = new Map<string, () => void>();
  let over = false;
  /** Whoever works with it meanwhile fails as with a server that is away; one that still is, is found by the next call. */
  const reopen = async () => {
    await client.close().catch(() => {});
    if (!over) await client.connect().catch(() => {});
    if (over) await client.close();
  };
  const ended = ({ connectionId }: { connectionId: string }) => {
    watched.get(connectionId)?.();
    watched.delete(connectionId);
  };
  const closed = () => {
    for (const cancel of watched.values()) cancel();
    watched.clear();
  };
  const started = ({ connectionId, awaited }: { connectionId: string; awaited: boolean }) => {
    ended({ connectionId });
    if (awaited) return;
    watched.set(
      connectionId,
      clock.schedule(() => void reopen(), 2 * client.options.connectTimeoutMS),
    );
  };
  client.on('serverHeartbeatStarted', started);
  client.on('serverHeartbeatSucceeded', ended);
  client.on('serverHeartbeatFailed', ended);
  client.on('topologyClosed', closed);
  return () => {
    over = true;
    client.off('serverHeartbeatStarted', started);
    client.off('serverHeartbeatSucceeded', ended);
    client.off('serverHeartbeatFailed', ended);
    client.off('topologyClosed', closed);
    closed();
  };
}
