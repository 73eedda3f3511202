// `nestjs-asyncz/opentelemetry`: needs the package `@opentelemetry/api`.

export { openTelemetry } from './opentelemetry.js';
export type { OpenTelemetryOptions } from './opentelemetry.js';
