import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** Stands between a store and its server, and can stop forwarding without a word or cut all connections. */
export class TcpProxy {
  readonly #sockets = new Set<Socket>();
  readonly #upstreams = new Set<Socket>();
  #server: Server | null = null;
  #frozen = false;

  constructor(
    readonly host: string,
    readonly port: number,
  ) {}

  /** @param port The port to listen on; any free one when 0. Returns it. */
  async listen(port = 0): Promise<number> {
    this.#server = createServer((client) => this.#join(client));
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  /** Keeps every connection and forwards nothing any more. */
  freeze(): void {
    this.#frozen = true;
  }

  /** Cuts every connection, forwards again, and takes new ones. */
  thaw(): void {
    this.#frozen = false;
    this.cut();
  }

  /** By what ports the server knows the connections. */
  get ports(): readonly number[] {
    return [...this.#upstreams].flatMap(({ localPort }) => localPort ?? []);
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    this.cut();
    if (!server) return;
    server.close();
    await once(server, 'close');
  }

  #join(client: Socket): void {
    const upstream = connect(this.port, this.host);
    this.#upstreams.add(upstream);
    upstream.on('close', () => this.#upstreams.delete(upstream));
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.#sockets.add(from);
      from.on('data', (chunk: Buffer) => {
        if (!this.#frozen) to.write(chunk);
      });
      from.on('error', () => {});
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
  }
}
