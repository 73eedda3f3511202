import type { IncomingMessage, ServerResponse } from 'node:http';

/** What requests of Express and of Fastify have in common, and where they differ. */
interface PlatformRequest {
  readonly headers: IncomingMessage['headers'];
  readonly body?: unknown;
  readonly ip?: string;
  readonly url?: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly socket?: { readonly remoteAddress?: string };
  /** Fastify: the request of Node.js. */
  readonly raw?: IncomingMessage;
}

interface PlatformResponse extends Partial<ServerResponse> {
  /** Fastify: the response of Node.js, and that it is answered by others. */
  readonly raw?: ServerResponse;
  hijack?(): void;
}

/** A request and its response, on Express and on Fastify. Nothing of the application's own pipeline touches the answer. */
export class HttpExchange {
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
  readonly address: string;
  /** What stands in the path, as it was sent: pipes of the application have not seen it. */
  readonly params: Readonly<Record<string, string>>;
  readonly #url: string;
  readonly #response: ServerResponse;
  readonly #platform: PlatformResponse;

  constructor(request: object, response: object) {
    const asked = request as PlatformRequest;
    this.headers = asked.headers;
    this.body = asked.body;
    this.params = asked.params ?? {};
    // That of a trusted proxy's header, where the application trusts one.
    this.address = asked.ip ?? asked.socket?.remoteAddress ?? '';
    this.#url = asked.raw?.url ?? asked.url ?? '';
    this.#platform = response as PlatformResponse;
    this.#response = this.#platform.raw ?? (response as ServerResponse);
  }

  get query(): URLSearchParams {
    const at = this.#url.indexOf('?');
    return new URLSearchParams(at < 0 ? '' : this.#url.slice(at));
  }

  /** Whether nobody waits for the answer any more, or it is given. */
  get isOver(): boolean {
    return this.#response.headersSent || this.#response.destroyed;
  }

  /** Calls a function when the connection is closed. */
  onClose(listener: () => void): void {
    this.#response.once('close', listener);
  }

  /** @param body JSON, or nothing. */
  answer(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): void {
    const text = body === undefined ? '' : JSON.stringify(body);
    this.#begin(status, {
      ...(body !== undefined && { 'Content-Type': 'application/json; charset=utf-8' }),
      ...(status !== 204 && { 'Content-Length': String(Buffer.byteLength(text)) }),
      ...headers,
    });
    this.#response.end(text);
  }

  /** Begins a stream. */
  begin(headers: Readonly<Record<string, string>>): void {
    this.#begin(200, headers);
    this.#response.flushHeaders();
  }

  /** Resolves when there is room for more, or nobody reads. */
  async write(text: string): Promise<void> {
    if (this.#response.destroyed || this.#response.write(text)) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        this.#response.off('drain', done);
        this.#response.off('close', done);
        resolve();
      };
      this.#response.once('drain', done);
      this.#response.once('close', done);
    });
  }

  end(): void {
    this.#response.end();
  }

  #begin(status: number, headers: Readonly<Record<string, string>>): void {
    this.#keepHeaders();
    this.#platform.hijack?.();
    this.#response.writeHead(status, { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff', ...headers });
  }

  /** Fastify keeps headers that plugins of the application have set (CORS, security) until it answers itself. */
  #keepHeaders(): void {
    const { getHeaders } = this.#platform;
    if (!this.#platform.raw || typeof getHeaders !== 'function') return;
    for (const [name, value] of Object.entries(getHeaders.call(this.#platform) as Record<string, string>)) {
      if (value !== undefined) this.#response.setHeader(name, value);
    }
  }
}
