import { expect, it } from 'vitest';
import { RunHistory } from '../../../lib/stores/run-history.js';
import { createStoreContext } from '../../../lib/testing/store-context.js';
import { makeRun } from '../../../lib/testing/task.fixtures.js';

it('replaces a first attempt also when the one that had its id before is gone', () => {
  const codec = createStoreContext().createCodec({ encrypt: false });
  const history = new RunHistory(2);
  const dead = makeRun('a@1', { token: 9, status: 'failed', dead: true });
  history.save([makeRun('a@1', { token: 5 })], codec);
  history.save([dead], codec);
  // Drops the oldest one.
  history.save([makeRun('b@1')], codec);
  history.save([{ ...dead, dead: false }], codec);
  const { runs } = history.query({}, { limit: 10 }, codec);
  expect(new Set(runs.map(({ id, dead: isDead }) => `${id} ${isDead}`))).toEqual(new Set(['a@1 false', 'b@1 false']));
  expect(runs).toHaveLength(2);
});
