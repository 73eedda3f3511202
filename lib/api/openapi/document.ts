import type { OperationName } from '../../client/operations.js';
import { pathFields } from '../../client/route.path.js';
import { OPERATION_NAMES, ROUTES } from '../../client/routes.js';
import type { QueryKind, Route } from '../../client/routes.js';
import { PROBLEM_TYPE } from '../../client/problem.js';
import { VERSION } from '../../version.js';
import { ANSWERS, BODIES, CHOICES, COMPONENTS } from './schemas.js';
import type { JsonSchema } from './schemas.js';

const TYPES: Readonly<Record<QueryKind, JsonSchema>> = {
  text: { type: 'string' },
  number: { type: 'integer' },
  amount: { type: ['string', 'integer'], description: 'A time or a duration, as in a body' },
  flag: { type: 'boolean' },
};

/** The OpenAPI 3.1 document of the API: made of the table of operations. Paths are relative to where it is served. */
export function openApiDocument(): JsonSchema {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const name of OPERATION_NAMES) {
    const { path, method } = ROUTES[name];
    const written = path.replaceAll(/:(\w+)/g, '{$1}');
    paths[written] = { ...paths[written], [method.toLowerCase()]: operation(name, ROUTES[name]) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'nestjs-asyncz', version: VERSION, description: 'Tasks and runs, seen and controlled.' },
    servers: [{ url: '.' }],
    security: [{ token: [] }],
    paths,
    components: {
      schemas: COMPONENTS,
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      responses: {
        Problem: {
          description: 'Refused, or failed: the code says why',
          content: { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      },
    },
  };
}

function operation(name: OperationName, route: Route): JsonSchema {
  const body = BODIES[name];
  return {
    operationId: name,
    summary: route.summary,
    description: `Needs the role "${route.role}" or a higher one.`,
    'x-asyncz-role': route.role,
    parameters: parametersOf(route),
    ...(body && { requestBody: { required: true, content: { 'application/json': { schema: body } } } }),
    responses: { ...answersOf(name, route), default: { $ref: '#/components/responses/Problem' } },
  };
}

function parametersOf(route: Route): readonly JsonSchema[] {
  return [
    ...pathFields(route).map((field) => ({
      name: field,
      in: 'path',
      required: true,
      schema: TYPES.text,
      description: `"-" where the query has it, as "${field}": for one with a slash, or longer than 90 characters`,
    })),
    ...Object.entries(route.query ?? {}).map(([field, kind]) => ({
      name: field,
      in: 'query',
      schema: Object.hasOwn(CHOICES, field) ? { enum: CHOICES[field] } : TYPES[kind],
    })),
    ...(route.ifMatch
      ? [
          {
            name: 'If-Match',
            in: 'header',
            schema: TYPES.text,
            description: 'The ETag of the task: 412 if it was changed since',
          },
        ]
      : []),
  ];
}

function answersOf(name: OperationName, route: Route): JsonSchema {
  const schema = ANSWERS[name];
  if (schema === null) return { 204: { description: 'Done' } };
  const type = route.answer === 'events' ? 'text/event-stream' : 'application/json';
  return { [name === 'addTask' ? 201 : 200]: { description: route.summary, content: { [type]: { schema } } } };
}
