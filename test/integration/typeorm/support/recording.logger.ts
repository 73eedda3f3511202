import type { Logger } from 'typeorm';

/** Keeps what goes to a database. */
export class RecordingLogger implements Logger {
  readonly statements: { readonly text: string; readonly parameters: unknown[] }[] = [];

  logQuery(text: string, parameters?: unknown[]): void {
    this.statements.push({ text: text.trim(), parameters: parameters ?? [] });
  }

  clear(): void {
    this.statements.length = 0;
  }

  logQueryError(): void {}
  logQuerySlow(): void {}
  logSchemaBuild(): void {}
  logMigration(): void {}
  log(): void {}
}
