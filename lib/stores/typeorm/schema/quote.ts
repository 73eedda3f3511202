/** Quotes an identifier as the SQL standard does. */
export function quoteStandard(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Quotes an identifier as MySQL does, whatever its `sql_mode`. */
export function quoteBackticks(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}
