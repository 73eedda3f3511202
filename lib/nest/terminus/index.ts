// `nestjs-asyncz/terminus`: needs the package `@nestjs/terminus`.

export { AsynczHealthIndicator } from './health.indicator.js';
export type { AsynczHealthOptions } from './health.indicator.js';
