import { describe, expect, it } from 'vitest';
import { keyOf } from '../../../lib/model/run.js';

describe('the key of an attempt', () => {
  it('is another one for each run and each token', () => {
    const leases = ['a@1', 'a@1#manual', 'b/1'].flatMap((runId) => [1, 2, 12].map((token) => ({ runId, token })));
    expect(new Set(leases.map(keyOf)).size).toBe(leases.length);
    expect(keyOf({ runId: 'a@1', token: 2 })).toBe(keyOf({ runId: 'a@1', token: 2 }));
  });
});
