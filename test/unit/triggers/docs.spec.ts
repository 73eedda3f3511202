import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { compileFunction } from 'node:vm';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { BaseTrigger } from '../../../lib/triggers/base.trigger.js';
import type { CronSyntaxError } from '../../../lib/errors/trigger.errors.js';
import { createTrigger, defaultTriggerRegistry } from '../../../lib/triggers/trigger.registry.js';
import type { TriggerData } from '../../../lib/triggers/trigger.interface.js';
import { at, SEED } from './trigger.fixtures.js';

const page = readFileSync(fileURLToPath(new URL('../../../docs/triggers.md', import.meta.url)), 'utf8');
const CREATED = '2025-03-28T12:00';

function blocks(language: string): string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, text]) => text!);
}

interface Example {
  readonly data: TriggerData;
  readonly words: string;
  readonly runs: readonly string[];
}

function readExample(block: string): Example {
  const lines = block.trim().split('\n');
  const code = lines.filter((line) => !line.startsWith('// ')).join('\n');
  const [words, ...runs] = lines.filter((line) => line.startsWith('// ')).map((line) => line.slice(3));
  return {
    data: compileFunction(`return ${code}`, ['createTrigger'])((data: TriggerData) => data) as TriggerData,
    words: words!,
    runs,
  };
}

/** Runs a block of code with what it imports, and gives the values that its comments claim and those that there are. */
function evaluate(block: string): [claimed: string, found: string][] {
  const body = block.replace(/^import .*$/gm, '');
  const checked = body.replace(
    /^(?:const (\w+) = )?([\w.]+\(.*\)); \/\/ (.+)$/gm,
    (_line, name: string | undefined, call: string, claim: string) => {
      const value =
        name === undefined
          ? `claims.push([${JSON.stringify(claim)}, ${call}]);`
          : `const ${name} = ${call}; claims.push([${JSON.stringify(claim)}, ${name}]);`;
      return value;
    },
  );
  const { outputText } = ts.transpileModule(checked, { compilerOptions: { target: ts.ScriptTarget.ES2022 } });
  const claims: [string, unknown][] = [];
  const names = ['claims', 'BaseTrigger', 'createTrigger', 'defaultTriggerRegistry'];
  compileFunction(outputText, names)(claims, BaseTrigger, createTrigger, defaultTriggerRegistry);
  return claims.map(([claim, value]) => [claim, value instanceof Date ? value.toISOString() : String(value)]);
}

describe('docs/triggers.md', () => {
  const examples = blocks('js')
    .map(readExample)
    .map((example) => [JSON.stringify(example.data), example] as const);

  it('has an example of every kind', () => {
    const kinds = new Set(examples.map(([, { data }]) => data.type));
    expect([...kinds, 'shutdown', 'tide'].sort()).toEqual(
      [...new Set([...defaultTriggerRegistry.types(), 'tide'])].sort(),
    );
  });

  it.each(examples)('tells the truth about %s', (_title, { data, words, runs }) => {
    const trigger = createTrigger(data, { now: new Date(at(CREATED)) });
    expect(trigger.describe()).toBe(words);
    expect(trigger.impossible()).toBeNull();
    let next = trigger.nextOccurrence(null, at(CREATED), SEED);
    for (const expected of runs) {
      const mark = next?.dst === undefined ? '' : ` ${next.dst}`;
      expect(next === null ? 'null' : `${new Date(next.runTime).toISOString()}${mark}`).toBe(expected);
      if (next !== null) next = trigger.nextOccurrence(next.scheduledTime, next.runTime, SEED);
    }
  });

  it('tells the truth in its code', () => {
    const [first] = blocks('ts');
    const claims = evaluate(first!);
    expect(claims).toHaveLength(4);
    for (const [claimed, found] of claims.slice(0, 2)) expect(claimed.startsWith(found)).toBe(true);
    expect(claims[2]![0]).toBe(`'${claims[2]![1]}'`);
    expect(JSON.parse(claims[3]![1])).toMatchObject({
      type: 'cron',
      expression: '0 2 * * 1-5',
      timezone: 'Europe/Lisbon',
    });
  });

  it('has a trigger of one’s own that works', () => {
    const [own] = blocks('ts run');
    const claims = evaluate(own!);
    expect(claims).toEqual([['2025-03-28T18:35:00.000Z', '2025-03-28T18:35:00.000Z']]);
    const again = createTrigger(
      JSON.parse(JSON.stringify(createTrigger({ type: 'tide' }, { now: new Date(0) }))) as TriggerData,
    );
    expect(again.nextTime(0, 5)).toBe(745 * 60_000);
    expect(again.describe()).toBe('at high water');
  });

  it('shows the error as it is', () => {
    const [text] = blocks('text');
    try {
      createTrigger({ type: 'cron', expression: '0 25 * * *' });
      expect.unreachable();
    } catch (error) {
      expect((error as CronSyntaxError).message).toBe(text!.trimEnd());
    }
  });
});
