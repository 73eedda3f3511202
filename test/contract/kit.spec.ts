import { describe, expect, it } from 'vitest';
import { createDisks } from '../support/eight-method.store.js';
import { borrowing, HostStore, inTransaction } from '../support/host.store.js';
import { recordKit } from '../support/kit.recorder.js';
import type { Verdicts } from '../support/kit.recorder.js';
import { CLAIM_MUTANTS } from './mutants/claim.mutants.js';
import { MEMBER_MUTANTS } from './mutants/member.mutants.js';
import type { Mutant } from './mutants/mutant.interface.js';
import { QUERY_MUTANTS } from './mutants/query.mutants.js';
import { RECORD_MUTANTS } from './mutants/record.mutants.js';
import { RUN_MUTANTS } from './mutants/run.mutants.js';
import { SCHEDULE_MUTANTS } from './mutants/schedule.mutants.js';
import { TASK_MUTANTS } from './mutants/task.mutants.js';

const MUTANTS: readonly Mutant[] = [
  ...TASK_MUTANTS,
  ...SCHEDULE_MUTANTS,
  ...CLAIM_MUTANTS,
  ...RUN_MUTANTS,
  ...QUERY_MUTANTS,
  ...RECORD_MUTANTS,
  ...MEMBER_MUTANTS,
];

const { diskOf, ...hooks } = createDisks();

async function verdictsOf({ create, encryption = 'plain' }: Pick<Mutant, 'create' | 'encryption'>): Promise<Verdicts> {
  return recordKit(({ namespace }) => new create(diskOf(namespace)), {
    ...hooks,
    transaction: inTransaction,
    borrow: borrowing(create),
    encryption: [encryption],
  });
}

const failed = (verdicts: Verdicts) => [...verdicts].flatMap(([rule, error]) => (error === null ? [] : [rule]));

describe('the conformance kit', () => {
  const results = new Map<Mutant, Promise<Verdicts>>();
  const resultOf = (mutant: Mutant) => {
    const result = results.get(mutant) ?? verdictsOf(mutant);
    results.set(mutant, result);
    return result;
  };

  for (const encryption of [undefined, 'encrypted'] as const) {
    it(`finds nothing wrong with a store that keeps the contract, ${encryption ?? 'plain'}`, async () => {
      expect(failed(await verdictsOf({ create: HostStore, ...(encryption && { encryption }) }))).toEqual([]);
    });
  }

  for (const mutant of MUTANTS) {
    it(`finds that ${mutant.fault}`, async () => {
      expect(failed(await resultOf(mutant))).toEqual(expect.arrayContaining([...mutant.caughtBy]));
    });
  }

  it('has no rule that none of these faults breaks', async () => {
    const rules = new Set<string>();
    const broken = new Set<string>();
    for (const mutant of MUTANTS) {
      const verdicts = await resultOf(mutant);
      for (const rule of verdicts.keys()) rules.add(rule);
      for (const rule of failed(verdicts)) broken.add(rule);
    }
    expect([...rules].filter((rule) => !broken.has(rule))).toEqual([]);
  });
});
