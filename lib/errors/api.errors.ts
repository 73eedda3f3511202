import { AsynczError } from './asyncz.error.js';

/** Nobody is named by a request to the HTTP API, or its token is not known. @publicApi */
export class UnauthorizedError extends AsynczError {
  readonly code = 'ASYNCZ_UNAUTHORIZED';

  constructor() {
    super('The request names nobody that is known here. Send a token that the API has: "Authorization: Bearer …".');
  }
}

/** The caller of the HTTP API may not do that. @publicApi */
export class ForbiddenError extends AsynczError {
  readonly code = 'ASYNCZ_FORBIDDEN';

  /** @param needed The least role that may. */
  constructor(
    readonly operation: string,
    readonly needed: string,
  ) {
    super(`"${operation}" needs the role "${needed}", and the caller has a lesser one or none.`);
  }
}

/** Too many wrong tokens came from the address of the caller: all are refused for a while. @publicApi */
export class TooManyAttemptsError extends AsynczError {
  readonly code = 'ASYNCZ_TOO_MANY_ATTEMPTS';

  constructor(readonly retryAfterMs: number) {
    super(`Too many wrong tokens came from this address. Try again in ${Math.ceil(retryAfterMs / 1_000)} s.`);
  }
}

/** The body of a request to the HTTP API is no JSON object. @publicApi */
export class MediaTypeError extends AsynczError {
  readonly code = 'ASYNCZ_MEDIA_TYPE';

  constructor() {
    super('The body has to be a JSON object, with "Content-Type: application/json".');
  }
}

/** The HTTP API has no room for one more stream of events. @publicApi */
export class TooManyStreamsError extends AsynczError {
  readonly code = 'ASYNCZ_TOO_MANY_STREAMS';

  constructor(max: number) {
    super(`There are ${max} streams of events already. Close one, or ask another instance.`);
  }
}

/** `AsynczClient` got no answer; the `cause` says why. Whether the operation was done is not known. @publicApi */
export class ServerUnreachableError extends AsynczError {
  readonly code = 'ASYNCZ_SERVER_UNREACHABLE';

  constructor(
    readonly url: string,
    options?: ErrorOptions,
  ) {
    super(`${url} does not answer.`, options);
  }
}

/** `AsynczClient` got an answer that is none of the HTTP API: its URL may be wrong. @publicApi */
export class UnexpectedAnswerError extends AsynczError {
  readonly code: string = 'ASYNCZ_UNEXPECTED_ANSWER';

  /**
   * @param status The HTTP status.
   * @param detail What it says.
   */
  constructor(
    readonly status: number,
    detail: string,
  ) {
    super(`The server answered ${status}: ${detail}`);
  }
}
