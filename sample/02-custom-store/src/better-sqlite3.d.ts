/** What this sample uses of better-sqlite3, which brings no types. */
declare module 'better-sqlite3' {
  interface Statement {
    run(...values: unknown[]): { readonly changes: number };
    get(...values: unknown[]): unknown;
    all(...values: unknown[]): unknown[];
    iterate(...values: unknown[]): IterableIterator<unknown>;
  }

  export default class Database {
    constructor(file: string);
    readonly inTransaction: boolean;
    prepare(sql: string): Statement;
    exec(sql: string): this;
    pragma(text: string): unknown;
    close(): this;
  }
}
