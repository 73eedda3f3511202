import type { Logger } from 'nestjs-asyncz';

/** A logger that keeps what is written, in order. */
export class RecordingLogger implements Logger {
  readonly lines: { readonly level: keyof Logger; readonly message: string; readonly error?: unknown }[] = [];

  debug(message: string): void {
    this.lines.push({ level: 'debug', message });
  }

  info(message: string): void {
    this.lines.push({ level: 'info', message });
  }

  warn(message: string): void {
    this.lines.push({ level: 'warn', message });
  }

  error(message: string, error?: unknown): void {
    this.lines.push({ level: 'error', message, error });
  }

  /** The messages of a level that match. */
  of(level: keyof Logger, pattern = /./): string[] {
    return this.lines.flatMap((line) => (line.level === level && pattern.test(line.message) ? line.message : []));
  }
}
