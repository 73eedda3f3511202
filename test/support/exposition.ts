/** A metric as Prometheus reads it. */
export interface ExposedFamily {
  readonly type: string;
  readonly help: string;
  readonly samples: readonly {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly value: number;
  }[];
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;
const SUFFIXES: Readonly<Record<string, readonly string[]>> = { histogram: ['_bucket', '_sum', '_count'] };

/**
 * Reads the text format of Prometheus, version 0.0.4, and is as strict as `promtool check metrics`: each metric has its help and type
 * once and in front, no number comes twice, buckets are cumulative and end at +Inf.
 *
 * @throws Error With the line that is wrong.
 */
export function parseExposition(text: string): Map<string, ExposedFamily> {
  const families = new Map<string, { type: string; help: string; samples: ExposedFamily['samples'][number][] }>();
  const seen = new Set<string>();
  let current = '';
  if (!text.endsWith('\n')) throw new Error('The last line has no end');
  for (const line of text.split('\n')) {
    const [, word, name, rest] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (line === '') continue;
    if (word === 'HELP') {
      if (families.has(name!)) throw new Error(`Help again: ${line}`);
      families.set(name!, { type: '', help: rest!, samples: [] });
      current = name!;
    } else if (word === 'TYPE') {
      if (name !== current || families.get(name)!.type !== '') throw new Error(`A type at the wrong place: ${line}`);
      families.get(name)!.type = rest!;
    } else {
      const [, called, inner = '', number] = SAMPLE.exec(line) ?? [];
      const family = families.get(current);
      if (called === undefined || !family) throw new Error(`Not a number of a metric: ${line}`);
      const allowed = (SUFFIXES[family.type] ?? ['']).map((suffix) => current + suffix);
      if (!allowed.includes(called)) throw new Error(`Of another metric than ${current}: ${line}`);
      const labels = labelsOf(inner, line);
      const key = `${called} ${textOf(labels)}`;
      if (seen.has(key)) throw new Error(`Twice: ${line}`);
      seen.add(key);
      const value = Number(number);
      if (Number.isNaN(value)) throw new Error(`Not a number: ${line}`);
      family.samples.push({ name: called, labels, value });
    }
  }
  for (const [name, { type, samples }] of families) if (type === 'histogram') checkBuckets(name, samples);
  return families;
}

function labelsOf(inner: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < inner.length) {
    const found = LABEL.exec(inner);
    if (!found) throw new Error(`Labels that cannot be read: ${line}`);
    labels[found[1]!] = found[2]!.replace(/\\n/g, '\n').replace(/\\(["\\])/g, '$1');
  }
  return labels;
}

function checkBuckets(name: string, samples: ExposedFamily['samples']): void {
  const series = new Map<string, { buckets: [number, number][]; count?: number }>();
  for (const sample of samples) {
    const { le, ...labels } = sample.labels;
    const key = textOf(labels);
    const one = series.get(key) ?? { buckets: [] };
    series.set(key, one);
    if (sample.name === `${name}_bucket`) one.buckets.push([le === '+Inf' ? Infinity : Number(le), sample.value]);
    if (sample.name === `${name}_count`) one.count = sample.value;
  }
  for (const [key, { buckets, count }] of series) {
    const isAscending = buckets.every(
      ([le, n], at) => at === 0 || (le > buckets[at - 1]![0] && n >= buckets[at - 1]![1]),
    );
    const last = buckets.at(-1);
    if (!isAscending || last?.[0] !== Infinity || last[1] !== count) throw new Error(`Buckets of ${name} ${key}`);
  }
}

/** Labels as one text, in whatever order they came. */
function textOf(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}
