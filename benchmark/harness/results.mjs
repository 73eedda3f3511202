// The raw results beside RESULTS.md, so that its rows can be measured at different times.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE } from './setup.mjs';

const FILE = join(PACKAGE, 'results.json');

const keyOf = ({ workload, store, case: name, system }) => [workload, store, name, system].join('|');

export function readResults() {
  return existsSync(FILE) ? JSON.parse(readFileSync(FILE, 'utf8')) : [];
}

/** Adds records to the file; they take the place of those of the same workload, store, case and system. */
export function addResults(records) {
  const all = new Map(readResults().map((record) => [keyOf(record), record]));
  for (const record of records) all.set(keyOf(record), record);
  writeFileSync(FILE, `${JSON.stringify([...all.values()], null, 1)}\n`);
}

/** Results by what was measured. */
export class Results {
  #records;

  constructor(records) {
    this.#records = new Map(records.map((record) => [keyOf(record), record]));
  }

  /** The figure of each round, and null when it was not measured, or failed. */
  figures(workload, store, name, system, figure) {
    const record = this.#records.get(keyOf({ workload, store, case: name, system }));
    if (!record || record.rounds.length === 0 || record.rounds.some(({ failed }) => failed)) return null;
    const values = record.rounds.map((round) => round[figure]);
    return values.every((value) => typeof value === 'number') ? values : null;
  }

  /** Whether it was measured and failed. */
  hasFailed(workload, store, name, system) {
    const record = this.#records.get(keyOf({ workload, store, case: name, system }));
    return record?.rounds.some(({ failed }) => failed) ?? false;
  }
}
