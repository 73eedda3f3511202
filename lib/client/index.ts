// The public names of `nestjs-asyncz/client`: for Node.js and browsers, with nothing but `fetch`.

export { AsynczClient } from './asyncz.client.js';
export type { AsynczClientOptions } from './asyncz.client.js';
export { fromJsonValue, toJsonValue } from './json.value.js';
export type { JsonValue } from './json.value.js';
export type * from './operation.inputs.js';
export type * from './operation.results.js';
export type { AsynczOperations, OperationName } from './operations.js';
export type { Problem } from './problem.js';
export { routePath } from './route.path.js';
export { OPERATION_NAMES, ROLES, ROUTES } from './routes.js';
export type { QueryKind, Role, Route } from './routes.js';
export type { Serialized } from './serialized.js';
