import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { TlsOptions } from 'node:tls';

/** What bytes hold: this text, or something that fits when they are read as Latin-1. */
export type Mark = string | RegExp;

/** What is to become of the next command with a mark. */
interface Trap {
  readonly mark: Mark;
  /** How long its answer is kept back, in milliseconds; to cut the connection instead of sending the answer, or the command. */
  readonly fate: number | 'cut before' | 'cut after';
  readonly sprung: () => void;
}

/** Which answers are to come in one piece. */
interface Seam {
  readonly first: Mark;
  readonly last: Mark;
  readonly sprung: () => void;
}

export interface TcpProxyOptions {
  /** The server's host. @default '127.0.0.1' */
  readonly host?: string;
  /** Where to listen. @default any free port */
  readonly port?: number;
  /** The certificate, for a proxy that speaks TLS with its clients. */
  readonly tls?: TlsOptions;
}

/** Stands between clients and their server, and spoils what goes through when it is told to. */
export class TcpProxy {
  readonly #sockets = new Set<Socket>();
  readonly #upstreams = new Set<Socket>();
  #trap: Trap | null = null;
  #seam: Seam | null = null;
  #caught = Promise.resolve();
  #silent = false;
  #delayMs = 0;

  private constructor(
    private readonly server: Server,
    private readonly host: string,
    private readonly target: number,
  ) {}

  /** @param target The server's port. */
  static async start(target: number, { host = '127.0.0.1', port = 0, tls }: TcpProxyOptions = {}): Promise<TcpProxy> {
    const accept = (socket: Socket) => proxy.#accept(socket);
    const server = tls ? createTlsServer(tls, accept) : createServer(accept);
    const proxy = new TcpProxy(server, host, target);
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** By what ports the server knows the connections. */
  get ports(): readonly number[] {
    return [...this.#upstreams].flatMap(({ localPort }) => localPort ?? []);
  }

  /** Lets the next command with a mark reach the server, keeps its answer back, and cuts the connection. Once. */
  dropAnswerTo(mark: Mark): void {
    this.#setTrap(mark, 'cut after');
  }

  /** Cuts the connection when the next command with a mark begins to arrive; nothing of it reaches the server. Once. */
  breakOffAt(mark: Mark): void {
    this.#setTrap(mark, 'cut before');
  }

  /** Lets the next command with a mark reach the server, and its answer come after `ms` milliseconds. Once. */
  holdAnswerTo(mark: Mark, ms: number): void {
    this.#setTrap(mark, ms);
  }

  /** Keeps the next answer with the first mark back until one with the last mark, and sends both in one piece. Once. */
  joinAnswers(first: Mark, last: Mark): void {
    this.#caught = new Promise((sprung) => {
      this.#seam = { first, last, sprung };
    });
  }

  /** Resolves when a command, or an answer, was caught by the last of these. */
  caught(): Promise<void> {
    return this.#caught;
  }

  /** From now on everything takes so many milliseconds longer, in each direction. */
  delay(ms: number): void {
    this.#delayMs = ms;
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

  /** May be called more than once. */
  async stop(): Promise<void> {
    this.cut();
    if (!this.server.listening) return;
    this.server.close();
    await once(this.server, 'close');
  }

  #setTrap(mark: Mark, fate: Trap['fate']): void {
    this.#caught = new Promise((sprung) => {
      this.#trap = { mark, fate, sprung };
    });
  }

  #accept(client: Socket): void {
    const server = connect(this.target, this.host);
    this.#upstreams.add(server);
    const toServer = new Line(server);
    const toClient = new Line(client);
    let caught: Trap | null = null;
    let joined: { readonly until: Mark; readonly held: Buffer[] } | null = null;
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#sockets.delete(socket);
        this.#upstreams.delete(server);
        client.destroy();
        server.destroy();
      });
    }
    client.on('data', (data) => {
      if (this.#silent) return;
      if (this.#trap !== null && holds(data, this.#trap.mark)) {
        caught = this.#trap;
        this.#trap = null;
        caught.sprung();
        if (caught.fate === 'cut before') {
          client.resetAndDestroy();
          return;
        }
      }
      toServer.send(data, this.#delayMs);
    });
    server.on('data', (data) => {
      if (this.#silent) return;
      if (this.#seam !== null && holds(data, this.#seam.first)) {
        joined = { until: this.#seam.last, held: [] };
        this.#seam.sprung();
        this.#seam = null;
      }
      joined?.held.push(data);
      if (joined && !holds(data, joined.until)) return;
      const answer = joined ? Buffer.concat(joined.held) : data;
      joined = null;
      // The answer says that the command was carried out; the client never sees it.
      if (caught?.fate === 'cut after') client.destroy();
      else toClient.send(answer, typeof caught?.fate === 'number' ? caught.fate : this.#delayMs);
      caught = null;
    });
  }
}

function holds(data: Buffer, mark: Mark): boolean {
  return typeof mark === 'string' ? data.includes(mark) : mark.test(data.toString('latin1'));
}

/** Sends what it is given after a while, and always in order. */
class Line {
  readonly #queue: { readonly data: Buffer; readonly at: number }[] = [];

  constructor(private readonly socket: Socket) {}

  send(data: Buffer, delayMs: number): void {
    this.#queue.push({ data, at: performance.now() + delayMs });
    if (this.#queue.length === 1) this.#flush();
  }

  #flush(): void {
    for (let next = this.#queue[0]; next; next = this.#queue[0]) {
      const left = next.at - performance.now();
      if (left > 0) {
        setTimeout(() => this.#flush(), left);
        return;
      }
      this.#queue.shift();
      if (this.socket.writable) this.socket.write(next.data);
    }
  }
}
