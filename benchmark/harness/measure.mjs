// Measures a workload on a store: rounds that alternate between the systems.
import { describeServer, PREFIX } from './places.mjs';
import { checkInterrupted, runApart } from './rounds.mjs';
import { ratio, summary, summaryInWords } from './statistics.mjs';
import { textTable, withoutEmpty } from './table.mjs';
import { systemOf, systemsOf } from '../systems/index.mjs';
import { versionOf } from './environment.mjs';

/** How long one run may take where its workload says nothing, in ms. */
const TIMEOUT_MS = 300_000;

/** How long it may take to add what is there before all rounds, in ms. */
const SEED_MS = 3_600_000;

/** How much of a reason of a failure is printed. */
const SHOWN = 600;

let places = 0;
const newPlace = () => `${PREFIX}${process.pid}_${(places += 1)}`;

/** The systems that a workload is measured on with a store, as far as they are chosen and available. */
function choose(workload, store, { systems, builds, isBare }) {
  const possible = workload.isOfAnyStore ? workload.systems : systemsOf(store);
  return possible.filter((name) => {
    if (!workload.systems.includes(name) || (systems && !systems.includes(name))) return false;
    const { adapter } = systemOf(name);
    if (adapter.build && builds[adapter.build(name)] === undefined) return false;
    return !isBare || adapter.isLibrary || adapter.packages.length === 0;
  });
}

/**
 * The cases of a workload, each with the systems that it is measured on. One that is so slow that it would take minutes gets
 * fewer tasks, and only once: only its figures a task are compared.
 */
function casesOf(workload, store, options) {
  const cases = workload.cases({ ...options, store });
  const systems = choose(workload, store, options);
  return cases.map((one, at) => ({
    one,
    limited: systems.flatMap((system) => {
      const { most = Infinity } = systemOf(system).adapter;
      if (!(one.tasks > most)) return [{ system, own: one }];
      return at > 0 && cases[0].tasks >= most ? [] : [{ system, own: { ...one, tasks: most } }];
    }),
  }));
}

/**
 * Measures all cases of a workload on a store.
 *
 * @param options `node`, `builds`, `rounds`, `settings` of all systems, `systems` (all when left out), `isBare`, `print`.
 * @returns One record for each case and system, with the figures of each round.
 */
export async function measure(name, workload, store, options) {
  const { builds, settings, isBare, prof, print } = options;
  const server = await describeServer(store);
  const toEntry = (one, system, limited) => {
    const { adapter, settings: own } = systemOf(system);
    const record = {
      workload: name,
      store,
      case: one.name,
      system,
      configuration: adapter.describe({ ...adapter.settings, ...own, ...settings }),
      packages: isBare ? [] : adapter.packages.map(versionOf),
      server,
      ...(limited.tasks !== one.tasks && { note: `of ${limited.tasks} tasks` }),
      rounds: [],
    };
    return { record, job: { workload: name, store, system, case: limited, builds, settings, prof } };
  };
  const cases = casesOf(workload, store, options).map(({ one, limited }) =>
    limited.map(({ system, own }) => toEntry(one, system, own)),
  );
  const rounds = Math.min(options.rounds, workload.mostRounds ?? Infinity);
  // Where cases are compared with each other, the rounds alternate between them as well.
  for (const entries of workload.comparesCases ? [cases.flat()] : cases)
    await inTurn(entries, { ...options, rounds, workload });
  for (const entries of cases) printTable(workload, entries, print);
  return cases.flat().map(({ record }) => record);
}

async function inTurn(entries, { node, rounds, workload, print }) {
  const timeoutMs = workload.timeoutMs ?? TIMEOUT_MS;
  const seeded = new Map();
  const remove = (job) => runApart(node, { ...job, action: 'remove', prof: undefined }, timeoutMs);
  try {
    for (const entry of workload.seed ? entries : []) {
      const job = { ...entry.job, action: 'seed', place: newPlace() };
      seeded.set(entry, job.place);
      const { failed } = await runApart(node, job, SEED_MS);
      if (failed) entry.record.rounds.push({ failed: `before the rounds: ${failed}` });
      checkInterrupted();
    }
    for (let round = 0; round < rounds; round += 1) {
      // Forth and back, so that none is always the first.
      for (const entry of round % 2 === 0 ? entries : entries.toReversed()) {
        // What failed once is not measured again.
        if (hasFailed(entry.record)) continue;
        const place = seeded.get(entry);
        const job = { ...entry.job, action: 'round', isSeeded: place !== undefined, place: place ?? newPlace() };
        const { figures, failed } = await runApart(node, job, timeoutMs);
        entry.record.rounds.push(failed ? { failed } : figures);
        print(
          `  ${[job.workload, job.store, entry.record.case, job.system].join(', ')}: ${inShort(workload, figures, failed)}`,
        );
        // Not by the process itself, whose connections to a removed database may break it off.
        if (place === undefined) await remove(job);
        checkInterrupted();
      }
    }
  } finally {
    for (const [{ job }, place] of seeded) await remove({ ...job, place });
  }
}

function inShort({ columns }, figures, failed) {
  if (failed) return `FAILED: ${failed.slice(0, SHOWN)}`;
  const [key, title] = Object.entries(columns).find(([name]) => typeof figures[name] === 'number') ?? [];
  return key ? `${title} ${summaryInWords(summary([figures[key]]))}` : 'done';
}

/** The titles of a table of records. */
export const titlesOf = ({ columns, base = 'ours' }) => ['', ...Object.values(columns), `${base} ÷ this`];

/** Records as rows of a table: the system, its figures, and the first figure of ours (or of `base`) in terms of its own. */
export function rowsOf({ columns, base = 'ours' }, records) {
  const keys = Object.keys(columns);
  const ours = records.find(({ system }) => system === base);
  return records.map((record) => {
    const { system, note, rounds } = record;
    const label = note ? `${system} (${note})` : system;
    if (hasFailed(record)) return [label, 'FAILED', ...keys.slice(1).map(() => ''), '-'];
    const figuresOf = (key) => rounds.map((round) => round[key]);
    const cells = keys.map((key) => summaryInWords(summary(figuresOf(key))));
    const [key] = keys;
    const isCompared =
      ours && ours !== record && !hasFailed(ours) && ours.rounds.every((round) => round[key] !== undefined);
    const against = isCompared
      ? ratio(
          ours.rounds.map((round) => round[key]),
          figuresOf(key),
        )
      : null;
    return [label, ...cells, summaryInWords(against)];
  });
}

/** Why a record failed, or undefined. */
export const failureOf = ({ rounds }) => rounds.find(({ failed }) => failed)?.failed;

const hasFailed = (record) => failureOf(record) !== undefined;

function printTable(workload, entries, print) {
  if (entries.length === 0) return;
  const records = entries.map(({ record }) => record);
  const [{ store, case: name, server }] = records;
  print(`\n${[workload.title, store, name, server].filter(Boolean).join(', ')}`);
  print(textTable(...withoutEmpty(titlesOf(workload), rowsOf(workload, records))));
  for (const { system, packages, configuration } of records)
    print(`    ${system}: ${[...packages, configuration].join('; ')}`);
  print('');
}
