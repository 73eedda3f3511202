import { ServerUnreachableError, UnexpectedAnswerError } from '../errors/api.errors.js';
import { InvalidOptionError, rejectUnknownOptions } from '../errors/input.errors.js';
import { namesOf } from '../model/names.js';
import { readEvents } from './event.reader.js';
import type { CallOptions } from './operation.inputs.js';
import type { EventMessage } from './operation.results.js';
import type { AsynczOperations, OperationName } from './operations.js';
import { errorOf, isProblem } from './problem.js';
import { pathFields, routePath } from './route.path.js';
import { OPERATION_NAMES, ROUTES } from './routes.js';
import type { Route } from './routes.js';

/** Options of `AsynczClient`. @publicApi */
export interface AsynczClientOptions {
  /** Where the API is, with the path of its module: `https://example.org/asyncz`. */
  readonly url: string;
  /** A token of the API, or a function that gives it for each call. */
  readonly token?: string | (() => string | Promise<string>);
  /** Further headers of each call. */
  readonly headers?: Readonly<Record<string, string>>;
  /** In place of the `fetch` of the platform. */
  readonly fetch?: typeof fetch;
}

const OPTIONS = namesOf<keyof AsynczClientOptions>({ url: 0, token: 0, headers: 0, fetch: 0 });

/** How much of an answer that is not understood is shown, in characters. */
const SHOWN = 200;

// One method for each row of the table: they are made below.
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging
export interface AsynczClient extends AsynczOperations {}

/**
 * The operations over HTTP, with `fetch` alone: for Node.js and browsers. Errors have the classes and codes of the library.
 *
 * ```ts
 * const client = new AsynczClient({ url: 'https://example.org/asyncz', token });
 * await client.pauseTask({ id: 'reports.nightly', reason: 'migration' });
 * ```
 *
 * @publicApi
 */
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging
export class AsynczClient {
  readonly #options: AsynczClientOptions;
  readonly #base: string;

  /** @throws InvalidOptionError, UnknownOptionError */
  constructor(options: AsynczClientOptions) {
    rejectUnknownOptions('AsynczClient', options, OPTIONS);
    if (!URL.canParse(options.url) || !/^https?:/.test(options.url))
      throw new InvalidOptionError('url', options.url, 'a URL that begins with http:// or https://');
    this.#options = options;
    this.#base = options.url.replace(/[?#].*$/, '').replace(/\/+$/, '');
  }

  static {
    for (const name of OPERATION_NAMES) {
      const route = ROUTES[name];
      const method = function (this: AsynczClient, input: object = {}, options: CallOptions = {}) {
        return route.answer === 'events' ? this.#stream(route, input, options) : this.#call(route, input, options);
      };
      Object.defineProperty(this.prototype, name satisfies OperationName, {
        value: method,
        writable: true,
        configurable: true,
      });
    }
  }

  async #call(route: Route, input: object, options: CallOptions): Promise<unknown> {
    const { url, response } = await this.#send(route, input, options, 'application/json');
    const text = await this.#read(url, response, options);
    if (response.status === 204) return undefined;
    const answer = parse(text);
    if (response.ok && answer !== undefined) return answer;
    throw refusal(response.status, answer, text);
  }

  async *#stream(route: Route, input: object, options: CallOptions): AsyncGenerator<EventMessage, void, undefined> {
    const { url, response } = await this.#send(route, input, options, 'text/event-stream');
    if (!response.ok || !response.body) {
      const text = await this.#read(url, response, options);
      throw refusal(response.status, parse(text), text);
    }
    try {
      for await (const data of readEvents(response.body)) yield JSON.parse(data) as EventMessage;
    } catch (error) {
      if (options.signal?.aborted) return;
      throw new ServerUnreachableError(url, { cause: error });
    }
  }

  async #send(route: Route, input: object, { signal }: CallOptions, accept: string) {
    const { token, headers, fetch = globalThis.fetch } = this.#options;
    const url = this.#base + routePath(route, input);
    const given = typeof token === 'function' ? await token() : token;
    const body = bodyOf(route, input);
    const { expectedVersion } = input as { readonly expectedVersion?: number };
    const request = {
      method: route.method,
      // A token must not follow to another server.
      redirect: 'error' as const,
      headers: {
        accept,
        ...headers,
        ...(given !== undefined && { authorization: `Bearer ${given}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(route.ifMatch && expectedVersion !== undefined && { 'if-match': `"${expectedVersion}"` }),
      },
      ...(body !== undefined && { body }),
      ...(signal && { signal }),
    };
    try {
      return { url, response: await fetch(url, request) };
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw new ServerUnreachableError(url, { cause: error });
    }
  }

  async #read(url: string, response: Response, { signal }: CallOptions): Promise<string> {
    try {
      return await response.text();
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw new ServerUnreachableError(url, { cause: error });
    }
  }
}

/** What of an input stands in the body; nothing for a route that has none. */
function bodyOf(route: Route, input: object): string | undefined {
  if (route.method === 'GET' || route.method === 'DELETE') return undefined;
  const elsewhere = new Set([
    ...pathFields(route),
    ...Object.keys(route.query ?? {}),
    ...(route.ifMatch ? ['expectedVersion'] : []),
  ]);
  return JSON.stringify(Object.fromEntries(Object.entries(input).filter(([field]) => !elsewhere.has(field))));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function refusal(status: number, answer: unknown, text: string): Error {
  if (isProblem(answer)) return errorOf(answer);
  const { message } = (answer ?? {}) as { readonly message?: unknown };
  return new UnexpectedAnswerError(status, String(message ?? text).slice(0, SHOWN));
}
