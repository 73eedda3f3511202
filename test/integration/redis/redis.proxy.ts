import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { TlsOptions } from 'node:tls';

/** Stands between a client and its server, and spoils what goes through when it is told to. */
export class RedisProxy {
  readonly #sockets = new Set<Socket>();
  #dropAfter: string | null = null;
  #silent = false;

  private constructor(
    private readonly server: Server,
    private readonly target: number,
  ) {}

  /** @param tls The certificate, for a proxy that speaks TLS with its clients. */
  static async start(target: number, tls?: TlsOptions): Promise<RedisProxy> {
    const accept = (socket: Socket) => proxy.#accept(socket);
    const server = tls ? createTlsServer(tls, accept) : createServer(accept);
    const proxy = new RedisProxy(server, target);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** Lets the next command that holds `text` reach the server, keeps its answer back, and cuts the connection. Once. */
  dropAnswerTo(text: string): void {
    this.#dropAfter = text;
  }

  /** Lets nothing through any more, in either direction, and keeps the connections open. */
  fallSilent(): void {
    this.#silent = true;
  }

  speakAgain(): void {
    this.#silent = false;
    this.cut();
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.cut();
    this.server.close();
    await once(this.server, 'close');
  }

  #accept(client: Socket): void {
    const server = connect(this.target, '127.0.0.1');
    let dropping = false;
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#sockets.delete(socket);
        client.destroy();
        server.destroy();
      });
    }
    client.on('data', (data) => {
      if (this.#silent) return;
      if (this.#dropAfter !== null && data.includes(this.#dropAfter)) {
        this.#dropAfter = null;
        dropping = true;
      }
      server.write(data);
    });
    server.on('data', (data) => {
      if (this.#silent) return;
      // The answer says that the command was carried out; the client never sees it.
      if (dropping) client.destroy();
      else client.write(data);
    });
  }
}
