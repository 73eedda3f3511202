import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DueFilter, DueOrder } from '../../../lib/stores/selection.interface.js';
import { mysql, postgres, sqlite } from './support/databases.js';
import type { TestDatabase } from './support/databases.js';
import { COUNT, FilledDatabase, KEY_PREFIX, medianMs } from './support/filled.database.js';

const PREFIX = `keys_${process.pid}`;

/** How many keys have nine in ten of the tasks. */
const FULL = 100;
/** Of 90,000 tasks that are left out. A lane is a step into the index, and there are some 400 of them. */
const MOST_READ = 2_000;

const full = Array.from({ length: FULL }, (_, at) => `${KEY_PREFIX}full${at}`);

describe.each([postgres(), mysql(), sqlite()])('on $name with 100,000 due tasks of keys', (database: TestDatabase) => {
  let filled: FilledDatabase;

  beforeAll(async () => {
    filled = await FilledDatabase.open(database, PREFIX, {
      // Nine in ten are of keys that are full and stand in front of the others. Three priorities.
      tasks: (now) => {
        const text = database.name === 'MySQL' || database.name === 'MariaDB' ? 'CHAR' : 'TEXT';
        const number = (divisor: number) => `CAST(numbers.i % ${divisor} AS ${text})`;
        const parts = (name: string, value: string) =>
          text === 'CHAR' ? `CONCAT('${KEY_PREFIX}${name}', ${value})` : `'${KEY_PREFIX}${name}' || ${value}`;
        return {
          due_at: `CASE WHEN numbers.i % 10 = 0 THEN ${now - COUNT} ELSE ${now - 3 * COUNT} END + numbers.i`,
          limit_key: `CASE WHEN numbers.i % 10 = 0 THEN ${parts('free', number(20))} ELSE ${parts('full', number(FULL))} END`,
          priority: 'numbers.i % 3',
        };
      },
    });
  });
  afterAll(() => filled.close());

  /** SQLite does not count. */
  const expectWalk = async (ask: () => Promise<unknown>) => {
    const plans = (await filled.plansOf(ask)).join('\n');
    expect(plans).toMatch(/USING INDEX \S+_lanes \(task_group=\? AND limit_key=\? AND priority=\? AND due_at[<>]\?\)/);
    expect(plans).not.toContain(`${PREFIX}_tasks_due (`);
    expect(plans).not.toMatch(new RegExp(`SCAN ${PREFIX}_tasks`));
  };

  const due = async (limit: number, order: DueOrder, except: DueFilter['except']) => {
    const ids: string[] = [];
    await filled.store.transact({ due: { limit, order, handlers: ['work'], except } }, ({ id }) => {
      ids.push(id);
      return null;
    });
    return ids;
  };

  it.each(['priority', 'age'] as const)(
    'takes the first by %s, and reads no task of a key that is left out',
    async (order) => {
      expect(await due(4, order, { key: full })).toEqual(
        order === 'age' ? ['t0', 't10', 't20', 't30'] : ['t0', 't30', 't60', 't90'],
      );
      const read = await filled.rowsRead(() => due(4, order, { key: full }));
      const ms = await medianMs(() => due(4, order, { key: full }));
      console.log(`${database.name}: by ${order}, without ${FULL} full keys ${String(read)} rows, ${ms.toFixed(1)} ms`);
      if (read === null) await expectWalk(() => due(4, order, { key: full }));
      else expect(read).toBeLessThan(MOST_READ);
    },
  );

  it('asks when something is due next, and reads no task of a key that is left out', async () => {
    const ask = () => filled.store.nextDueFor({ handlers: ['work'], except: { key: full } });
    const read = await filled.rowsRead(ask);
    console.log(
      `${database.name}: the next one, without ${FULL} full keys ${String(read)} rows, ${(await medianMs(ask)).toFixed(1)} ms`,
    );
    if (read === null) await expectWalk(ask);
    else expect(read).toBeLessThan(MOST_READ);
  });
});

describe('with a key for each of 100,000 tasks', () => {
  let filled: FilledDatabase;

  beforeAll(async () => {
    filled = await FilledDatabase.open(sqlite(), PREFIX, {
      tasks: (now) => ({
        due_at: `${now - COUNT} + numbers.i`,
        limit_key: `'${KEY_PREFIX}' || CAST(numbers.i AS TEXT)`,
      }),
    });
  });
  afterAll(() => filled.close());

  it('walks over what is left out, and does not count the lanes each time', async () => {
    const filter: DueFilter = { handlers: ['work'], except: { key: [`${KEY_PREFIX}0`, `${KEY_PREFIX}2`] } };
    const claim = async () => {
      filled.logger.clear();
      const ids: string[] = [];
      await filled.store.transact({ due: { limit: 3, ...filter } }, ({ id }) => {
        ids.push(id);
        return null;
      });
      return { ids, lanes: filled.logger.statements.filter(({ text }) => text.includes('AS lanes')) };
    };
    const [first, second] = [await claim(), await claim()];
    expect(first.ids).toEqual(['t1', 't3', 't4']);
    expect(first.lanes).toHaveLength(1);
    expect(second).toEqual({ ids: ['t1', 't3', 't4'], lanes: [] });
    expect(await filled.store.nextDueFor(filter)).not.toBeNull();
  });
});
