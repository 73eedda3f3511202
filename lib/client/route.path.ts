import type { Route } from './routes.js';

/** The fields of the input that are a part of the path of a route. */
export function pathFields({ path }: Route): readonly string[] {
  return path.split('/').flatMap((part) => (part.startsWith(':') ? [part.slice(1)] : []));
}

/** What stands in a path for a value that stands in the query. */
export const IN_QUERY = '-';

/** What servers and proxies between them leave as it is in a path. Fastify takes at most 100 characters. */
const PLAIN = /^(?!\.{1,2}$|-$)[\w.:@#~+-]{1,90}$/;

/**
 * The path and the query of a route for an input. A value that servers or proxies would change in a path (with a slash, longer
 * than 90 characters, …) stands in the query under its own name, and in the path as `-`.
 *
 * @publicApi
 */
export function routePath(route: Route, input: object): string {
  const given = input as Record<string, unknown>;
  const query = new URLSearchParams();
  const path = route.path.replaceAll(/:(\w+)/g, (_, field: string) => {
    const value = String(given[field]);
    if (PLAIN.test(value)) return encodeURIComponent(value);
    query.set(field, value);
    return IN_QUERY;
  });
  for (const field of Object.keys(route.query ?? {})) {
    if (given[field] !== undefined) query.set(field, String(given[field]));
  }
  const text = query.toString();
  return text === '' ? path : `${path}?${text}`;
}
