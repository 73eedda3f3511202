import type { StoreFinding } from '../model/finding.js';

/**
 * The finding that indexes are gone which the statements of a store need.
 *
 * @param missing Their names.
 * @param advice How they come back, as a sentence without its dot.
 */
export function indexesMissing(missing: readonly string[], advice: string): StoreFinding {
  const [first] = missing;
  return {
    code: 'indexes-missing',
    severity: 'error',
    confidence: 'certain',
    what: missing.length === 1 ? `The index "${first}" is not there` : `${missing.length} indexes are not there`,
    why: 'claims and queries read whole tables without them, and take longer the more tasks there are',
    advice,
    details: { missing },
  };
}
