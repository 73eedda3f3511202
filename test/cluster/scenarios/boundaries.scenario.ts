import { expect } from 'vitest';
import { SCALE, until } from '../cluster.bench.js';
import type { ClusterBench } from '../cluster.bench.js';
import { addOneShots, together } from '../one-shots.js';
import type { OneShots } from '../one-shots.js';
import type { StoreAnswer } from '../scheduler.process.js';
import { expectSound, judge, report } from '../verdict.js';

/** Each twice: the first answer of its kind, and a later one, when ends and takings are under way together. */
const DEATHS: readonly { readonly answer: StoreAnswer; readonly times: number }[] = [
  { answer: 'taken', times: 1 },
  { answer: 'taken', times: 3 },
  { answer: 'written', times: 1 },
  { answer: 'written', times: 2 },
  { answer: 'both', times: 1 },
  { answer: 'both', times: 2 },
];

/** More than there is room for, so that a claim follows a claim, and small enough that a slow store gets through. */
const CONCURRENCY = 8;

/**
 * Processes die between two statements of the store: after tasks were taken and before their runs start; after ends were
 * written and before the next claim; and after an answer to both. Another process does the rest.
 */
export async function boundaries(bench: ClusterBench): Promise<void> {
  const { client, kind, ledger } = bench;
  const rounds = Math.max(1, Math.round(5 * SCALE));
  const added: OneShots[] = [];
  let died = 0;
  for (let round = 0; round < rounds; round += 1) {
    for (const dies of DEATHS) {
      const prefix = `${dies.answer}-${dies.times}-${round}`;
      added.push(await addOneShots(client, prefix, { count: kind.slow ? 24 : 60, overMs: 0 }));
      // One that dies before it can say that it has started is gone, too.
      const doomed = await bench.start({ concurrency: CONCURRENCY, dies }).catch(() => null);
      // Where nothing else is under way, ends do not always go along with a claim: then all is done without a death.
      await until(
        `${prefix}: it has died, or done all`,
        async () => !doomed || doomed.process.isGone || (await isDone(client)),
      );
      const isAlive = doomed && !doomed.process.isGone;
      if (isAlive) await bench.stop(doomed);
      else if (doomed) await bench.kill(doomed);
      died += isAlive ? 0 : 1;
      const heir = await bench.start({ concurrency: CONCURRENCY });
      await bench.allEnded();
      await bench.stop(heir);
    }
  }
  const verdict = judge(ledger, together(...added));
  report('boundaries', kind.name, verdict, { deaths: `${died} of ${rounds * DEATHS.length}` });
  expectSound(verdict, bench.leaseMs / 2);
  expect(died).toBeGreaterThanOrEqual(rounds * 3);
  await expectAttemptsCounted(bench);
}

async function isDone(client: ClusterBench['client']): Promise<boolean> {
  return (await client.getTaskInfos({ limit: 1 })).total === 0;
}

/** No attempt of a run is in the history twice, and none that was begun has the number of one before it. */
async function expectAttemptsCounted({ client, ledger }: ClusterBench): Promise<void> {
  const recorded: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.getRuns({ limit: 500, ...(cursor && { cursor }) });
    recorded.push(...page.runs.map(({ id, attempt }) => `${id} ${attempt}`));
    cursor = page.next ?? undefined;
  } while (cursor);
  const begun = [...ledger.attempts().values()].flat().map(({ start }) => `${start.runId} ${start.attempt}`);
  expect(repeated(recorded)).toEqual([]);
  expect(repeated(begun)).toEqual([]);
}

function repeated(items: readonly string[]): string[] {
  return items.filter((item, at) => items.indexOf(item) !== at);
}
