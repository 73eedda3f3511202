import Table from 'cli-table3';
import pico from 'picocolors';
import type { CliIo } from '../cli.io.js';
import { terminalJson, terminalLines, terminalText } from './terminal.text.js';
import { shownTime } from './times.js';

type Colour = 'green' | 'yellow' | 'red' | 'cyan' | 'dim' | 'bold';

/** The colours of words that say how something stands. */
const STATES: Readonly<Record<string, Colour>> = {
  running: 'cyan',
  scheduled: 'green',
  succeeded: 'green',
  ok: 'green',
  alive: 'green',
  paused: 'yellow',
  pending: 'yellow',
  waiting: 'yellow',
  skipped: 'yellow',
  missed: 'yellow',
  draining: 'yellow',
  disabled: 'dim',
  finished: 'dim',
  cancelled: 'dim',
  dead: 'red',
  failed: 'red',
  failing: 'red',
  lost: 'red',
  unreadable: 'red',
};

/** No lines between cells: a table is to be read, and to be searched and cut by other tools. */
const LINES =
  'top top-mid top-left top-right bottom bottom-mid bottom-left bottom-right left left-mid mid mid-mid right right-mid';
const PLAIN = Object.fromEntries(LINES.split(' ').map((name) => [name, '']));

/** What is in a cell or beside a label. */
export type Shown = string | number | boolean | null | undefined;

/** Writes for people: aligned, coloured on a terminal only, and nothing of a record as a terminal would obey it. */
export class Printer {
  readonly #colours: ReturnType<typeof pico.createColors>;

  constructor(private readonly io: CliIo) {
    this.#colours = pico.createColors(io.colours);
  }

  /** One line. */
  line(text = ''): void {
    this.io.out(`${terminalText(text)}\n`);
  }

  /** Several lines. */
  block(text: string): void {
    this.io.out(`${terminalLines(text)}\n`);
  }

  /** JSON, as a whole or as one line of many. */
  json(value: unknown, indent?: number): void {
    this.io.out(`${terminalJson(value, indent)}\n`);
  }

  /** A heading above what follows. */
  heading(text: string): void {
    this.io.out(`\n${this.#colours.bold(terminalText(text))}\n`);
  }

  /** Rows under their heads; `empty` where there are none. */
  table(heads: readonly string[], rows: readonly (readonly Shown[])[], empty: string): void {
    if (rows.length === 0) return this.line(empty);
    const table = new Table({
      head: heads.map((head) => this.#colours.bold(head)),
      chars: { ...PLAIN, middle: '  ' },
      style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    });
    for (const row of rows) table.push(row.map((cell) => this.#cell(cell)));
    this.io.out(`${trimmed(table.toString())}\n`);
  }

  /** Labels and values, one a line; what is undefined is left out. */
  fields(fields: Readonly<Record<string, Shown>>): void {
    const given = Object.entries(fields).filter(([, value]) => value !== undefined);
    const table = new Table({
      chars: { ...PLAIN, middle: '  ' },
      style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    });
    for (const [label, value] of given) table.push([this.#colours.dim(label), this.#cell(value)]);
    this.io.out(`${trimmed(table.toString())}\n`);
  }

  /** A time as text, with how far away it is. */
  time(time: string | null | undefined): string {
    return shownTime(time, this.io.now());
  }

  #cell(value: Shown): string {
    const text = value === null || value === undefined || value === '' ? '-' : terminalText(String(value));
    const colour = Object.hasOwn(STATES, text) ? STATES[text] : undefined;
    return colour === undefined ? text : this.#colours[colour](text);
  }
}

/** Cells are as wide as their column, so that lines would end with spaces. */
function trimmed(text: string): string {
  return text.replace(/ +$/gm, '');
}
