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

/** What the connections of a proxy do with what goes through. */
interface Orders {
  trap: Trap | null;
  seam: Seam | null;
  silent: boolean;
  delayMs: number;
  breakBytes: number;
  broken: number;
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
  readonly #connections = new Set<Connection>();
  readonly #orders: Orders = { trap: null, seam: null, silent: false, delayMs: 0, breakBytes: Infinity, broken: 0 };
  #caught = Promise.resolve();

  private constructor(
    private readonly listener: Server,
    private readonly host: string,
    private readonly target: number,
  ) {}

  /** @param target The server's port. */
  static async start(target: number, { host = '127.0.0.1', port = 0, tls }: TcpProxyOptions = {}): Promise<TcpProxy> {
    const accept = (socket: Socket) => proxy.#accept(socket);
    const listener = tls ? createTlsServer(tls, accept) : createServer(accept);
    const proxy = new TcpProxy(listener, host, target);
    listener.listen(port, '127.0.0.1');
    await once(listener, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.listener.address() as AddressInfo).port;
  }

  /** By what ports the server knows the connections. */
  get ports(): readonly number[] {
    return [...this.#connections].flatMap(({ server }) => server.localPort ?? []);
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
      this.#orders.seam = { first, last, sprung };
    });
  }

  /** Resolves when a command, or an answer, was caught by the last of these. */
  caught(): Promise<void> {
    return this.#caught;
  }

  /**
   * From now on each connection breaks when it has carried some bytes more, in the middle of whatever that is and in either
   * direction: it is closed in order, or reset.
   *
   * @param bytes How many at the most; how many is chosen at random. `Infinity` for no more breaks.
   */
  breakAfter(bytes: number): void {
    this.#orders.breakBytes = bytes;
  }

  /** How many connections have broken so. */
  get broken(): number {
    return this.#orders.broken;
  }

  /** From now on everything takes so many milliseconds longer, in each direction. */
  delay(ms: number): void {
    this.#orders.delayMs = ms;
  }

  /** Lets nothing through any more, in either direction, and keeps the connections open. */
  fallSilent(): void {
    this.#orders.silent = true;
  }

  /** Ends the silence for new connections; those of now are cut. */
  speakAgain(): void {
    this.#orders.silent = false;
    this.cut();
  }

  /** Ends the silence for new connections; those of now stay silent, as {@link loseConnections} has them. */
  hearAgain(): void {
    this.loseConnections();
    this.#orders.silent = false;
  }

  /** Lets nothing through on the connections of now, which stay open for good; new ones work: half-open, as after a failover. */
  loseConnections(): void {
    for (const connection of this.#connections) connection.lose();
  }

  cut(): void {
    for (const connection of this.#connections) connection.cut();
  }

  /** May be called more than once. */
  async stop(): Promise<void> {
    this.cut();
    if (!this.listener.listening) return;
    this.listener.close();
    await once(this.listener, 'close');
  }

  #setTrap(mark: Mark, fate: Trap['fate']): void {
    this.#caught = new Promise((sprung) => {
      this.#orders.trap = { mark, fate, sprung };
    });
  }

  #accept(client: Socket): void {
    const connection = new Connection(client, connect(this.target, this.host), this.#orders);
    this.#connections.add(connection);
    client.once('close', () => this.#connections.delete(connection));
  }
}

/** One connection of a client, with the one to the server that belongs to it. */
class Connection {
  readonly #toServer: Line;
  readonly #toClient: Line;
  /** What is to become of the answer that comes next. */
  #caught: Trap | null = null;
  #joined: { readonly until: Mark; readonly held: Buffer[] } | null = null;
  /** How many bytes it carries until it breaks. */
  #left: number | null = null;
  #isLost = false;

  constructor(
    readonly client: Socket,
    readonly server: Socket,
    private readonly orders: Orders,
  ) {
    this.#toServer = new Line(server);
    this.#toClient = new Line(client);
    for (const socket of [client, server]) {
      socket.on('error', () => {});
      socket.on('close', () => this.cut());
    }
    client.on('data', (data) => this.#fromClient(data));
    server.on('data', (data) => this.#fromServer(data));
  }

  lose(): void {
    this.#isLost = true;
  }

  cut(): void {
    this.client.destroy();
    this.server.destroy();
  }

  #fromClient(data: Buffer): void {
    const { orders } = this;
    if (orders.silent || this.#isLost || this.#breaks(data, this.server)) return;
    if (orders.trap !== null && holds(data, orders.trap.mark)) {
      this.#caught = orders.trap;
      orders.trap = null;
      this.#caught.sprung();
      if (this.#caught.fate === 'cut before') {
        this.client.resetAndDestroy();
        return;
      }
    }
    this.#toServer.send(data, orders.delayMs);
  }

  #fromServer(data: Buffer): void {
    const { orders } = this;
    if (orders.silent || this.#isLost || this.#breaks(data, this.client)) return;
    const answer = this.#join(data);
    if (answer === null) return;
    const fate = this.#caught?.fate;
    this.#caught = null;
    // The answer says that the command was carried out; the client never sees it.
    if (fate === 'cut after') this.client.destroy();
    else this.#toClient.send(answer, typeof fate === 'number' ? fate : orders.delayMs);
  }

  /** What is to be sent now. */
  #join(data: Buffer): Buffer | null {
    const { seam } = this.orders;
    if (seam !== null && holds(data, seam.first)) {
      this.#joined = { until: seam.last, held: [] };
      this.orders.seam = null;
      seam.sprung();
    }
    if (this.#joined === null) return data;
    const { until, held } = this.#joined;
    held.push(data);
    if (!holds(data, until)) return null;
    this.#joined = null;
    return Buffer.concat(held);
  }

  /** Breaks the connection where it is to carry no more than a part of the data, which it sends on before. */
  #breaks(data: Buffer, to: Socket): boolean {
    const { orders } = this;
    if (orders.breakBytes === Infinity) this.#left = null;
    else this.#left = (this.#left ?? Math.ceil(Math.random() * orders.breakBytes)) - data.length;
    if (this.#left === null || this.#left >= 0) return false;
    orders.broken += 1;
    to.end(data.subarray(0, data.length + this.#left));
    const other = to === this.client ? this.server : this.client;
    if (Math.random() < 0.5) other.resetAndDestroy();
    else other.end();
    return true;
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
