// Tables for people: on a terminal, and in a page.

/** Lines of columns, the first aligned to the left and the others to the right. */
export function textTable(titles, rows) {
  const widths = titles.map((title, at) => Math.max(title.length, ...rows.map((cells) => String(cells[at]).length)));
  const line = (cells) =>
    cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]) : String(cell).padStart(widths[at]))).join('   ');
  return [titles, ...rows].map((cells) => `  ${line(cells)}`).join('\n');
}

/** Items by a key, in the order in which the keys come. */
export function groupBy(items, keyOf) {
  const groups = new Map();
  for (const item of items) {
    const key = keyOf(item);
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return groups;
}

const markdownRow = (cells) => `| ${cells.join(' | ')} |`;

export function markdownTable(titles, rows) {
  return [titles, titles.map(() => '---'), ...rows].map(markdownRow).join('\n');
}

/** Without the columns that no row has something in. */
export function withoutEmpty(titles, rows) {
  const used = titles.map((_, at) => at === 0 || rows.some((cells) => cells[at] !== '-' && cells[at] !== ''));
  const keep = (cells) => cells.filter((_, at) => used[at]);
  return [keep(titles), rows.map(keep)];
}
