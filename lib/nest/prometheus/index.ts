// `nestjs-asyncz/prometheus`: needs the package `prom-client`.

export { registerMetrics } from '../../observe/prometheus/metrics.registry.js';
export { AsynczPrometheusModule } from './prometheus.module.js';
export type { AsynczPrometheusOptions } from './prometheus.module.js';
