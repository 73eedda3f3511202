import type { OperationName } from '../client/operations.js';
import { IN_QUERY, pathFields } from '../client/route.path.js';
import { ROUTES } from '../client/routes.js';
import type { QueryKind, Route } from '../client/routes.js';
import { MediaTypeError } from '../errors/api.errors.js';
import { InvalidOptionError, UnknownOptionError } from '../errors/input.errors.js';
import type { HttpExchange } from './http.exchange.js';

/**
 * The input of an operation, from path, query, body and `If-Match` of a request. What it says is checked by the operation.
 *
 * @throws MediaTypeError, InvalidOptionError, UnknownOptionError
 */
export function inputOf(name: OperationName, exchange: HttpExchange): Record<string, unknown> {
  const route = ROUTES[name];
  const elsewhere = { ...addressed(name, route, exchange.query, exchange.params), ...versionOf(route, exchange) };
  const body = bodyOf(route, exchange);
  for (const field of [...pathFields(route), ...Object.keys(route.query ?? {}), 'expectedVersion']) {
    if (!Object.hasOwn(body, field) || Object.is(body[field], elsewhere[field])) continue;
    if (field === 'expectedVersion' && !route.ifMatch) continue;
    throw new InvalidOptionError(
      `${field} in the body`,
      body[field],
      'where the API has it: in path, query or If-Match',
    );
  }
  return { ...body, ...elsewhere };
}

/** What path and query say. */
function addressed(
  name: OperationName,
  route: Route,
  query: URLSearchParams,
  params: Readonly<Record<string, string>>,
): Record<string, unknown> {
  const inPath = pathFields(route);
  const read: Record<string, unknown> = {};
  const kinds: Readonly<Record<string, QueryKind>> = {
    ...route.query,
    ...Object.fromEntries(
      inPath.filter((field) => params[field] === IN_QUERY).map((field) => [field, 'text' as const]),
    ),
  };
  for (const field of new Set(query.keys())) {
    if (!Object.hasOwn(kinds, field)) throw new UnknownOptionError(`the query of ${name}`, field, Object.keys(kinds));
    const [text = '', ...more] = query.getAll(field);
    if (more.length > 0) throw new InvalidOptionError(field, query.getAll(field), 'given once');
    read[field] = valueOf(field, text, kinds[field]!);
  }
  for (const field of inPath) if (params[field] !== IN_QUERY) read[field] = params[field];
  return read;
}

function valueOf(field: string, text: string, kind: QueryKind): unknown {
  if (kind === 'text') return text;
  if (kind === 'amount') return /^-?\d{1,15}$/.test(text) ? Number(text) : text;
  if (kind === 'number') {
    if (!/^-?\d{1,15}$/.test(text)) throw new InvalidOptionError(field, text, 'a whole number');
    return Number(text);
  }
  if (text !== 'true' && text !== 'false') throw new InvalidOptionError(field, text, 'true or false');
  return text === 'true';
}

function versionOf(route: Route, { headers }: HttpExchange): Record<string, unknown> {
  const said = headers['if-match'];
  if (said === undefined || !route.ifMatch) return {};
  const [, version] = /^"(\d{1,15})"$/.exec(said) ?? [];
  if (version === undefined) throw new InvalidOptionError('If-Match', said, 'the ETag of the task, such as "7"');
  return { expectedVersion: Number(version) };
}

/** Of a page of another site, a browser sends no JSON without asking first: this is what keeps such pages out. */
function bodyOf({ method }: Route, { headers, body }: HttpExchange): Record<string, unknown> {
  if (method === 'GET' || method === 'DELETE') return {};
  if (!/^application\/json\s*(;|$)/i.test(headers['content-type'] ?? '')) throw new MediaTypeError();
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new MediaTypeError();
  return body as Record<string, unknown>;
}
