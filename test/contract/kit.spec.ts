import { describe, expect, it } from 'vitest';
import type { CreateStore, DescribeStoreOptions } from '../../lib/testing/describe-store.options.js';
import { createDisks } from '../support/eight-method.store.js';
import { borrowing, HostStore, inTransaction } from '../support/host.store.js';
import { recordKit, rulesOfKit } from '../support/kit.recorder.js';
import type { Verdicts } from '../support/kit.recorder.js';
import { CLAIM_MUTANTS } from './mutants/claim.mutants.js';
import { LIMIT_MUTANTS } from './mutants/limit.mutants.js';
import { JOURNAL_MUTANTS } from './mutants/journal.mutants.js';
import { KNOWN_MUTANTS } from './mutants/known.mutants.js';
import { MEMBER_MUTANTS } from './mutants/member.mutants.js';
import type { Mutant } from './mutants/mutant.interface.js';
import { QUERY_MUTANTS } from './mutants/query.mutants.js';
import { RECORD_MUTANTS } from './mutants/record.mutants.js';
import { HISTORY_MUTANTS } from './mutants/history.mutants.js';
import { RUN_MUTANTS } from './mutants/run.mutants.js';
import { SCHEDULE_MUTANTS } from './mutants/schedule.mutants.js';
import { START_TASK_MUTANTS } from './mutants/start-task.mutants.js';
import { TAKE_MUTANTS } from './mutants/take.mutants.js';
import { TASK_MUTANTS } from './mutants/task.mutants.js';

const MUTANTS: readonly Mutant[] = [
  ...TASK_MUTANTS,
  ...SCHEDULE_MUTANTS,
  ...CLAIM_MUTANTS,
  ...RUN_MUTANTS,
  ...HISTORY_MUTANTS,
  ...JOURNAL_MUTANTS,
  ...KNOWN_MUTANTS,
  ...TAKE_MUTANTS,
  ...QUERY_MUTANTS,
  ...START_TASK_MUTANTS,
  ...RECORD_MUTANTS,
  ...MEMBER_MUTANTS,
  ...LIMIT_MUTANTS,
];

const { diskOf, ...hooks } = createDisks();

const createOf =
  ({ create }: Pick<Mutant, 'create'>): CreateStore =>
  ({ namespace }) =>
    new create(diskOf(namespace));

function optionsOf({ create, encryption = 'plain' }: Pick<Mutant, 'create' | 'encryption'>): DescribeStoreOptions {
  return { ...hooks, transaction: inTransaction, borrow: borrowing(create), encryption: [encryption] };
}

const failed = (verdicts: Verdicts) => [...verdicts].flatMap(([rule, error]) => (error === null ? [] : [rule]));

describe('the conformance kit', () => {
  for (const encryption of ['plain', 'encrypted'] as const) {
    it(`finds nothing wrong with a store that keeps the contract, ${encryption}`, async () => {
      const sound = { create: HostStore, encryption };
      expect(failed(await recordKit(createOf(sound), optionsOf(sound)))).toEqual([]);
    });
  }

  for (const mutant of MUTANTS) {
    // Only the rules that are to find it: all of them would take the most of a second for each of nearly a hundred.
    it(`finds that ${mutant.fault}`, async () => {
      const verdicts = await recordKit(createOf(mutant), optionsOf(mutant), mutant.caughtBy);
      expect(failed(verdicts).sort()).toEqual([...mutant.caughtBy].sort());
    });
  }

  it('says what it looks for in a dump that does not hold what is stored, and how large that is', async () => {
    const sound = { create: HostStore, encryption: 'encrypted' } as const;
    const rule = 'encryption: hides arguments, results and errors from whoever reads what is stored';
    const verdicts = await recordKit(createOf(sound), { ...optionsOf(sound), dump: () => 'a header' }, [rule]);
    const { message } = verdicts.get(rule) as Error;
    expect(message).toContain('the dump of 8 bytes does not hold "visible-id"');
    expect(message).toContain('write-ahead log');
  });

  it('has no rule that none of these faults breaks', () => {
    const broken = new Set(MUTANTS.flatMap(({ caughtBy }) => caughtBy));
    const rules = (['plain', 'encrypted'] as const).flatMap((encryption) => {
      const sound = { create: HostStore, encryption };
      return [...rulesOfKit(createOf(sound), optionsOf(sound)).keys()];
    });
    expect([...new Set(rules)].filter((rule) => !broken.has(rule))).toEqual([]);
  });
});
