export { postgresAdapter as adapter } from './bullmq.mjs';
