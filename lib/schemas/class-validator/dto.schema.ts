import { plainToInstance } from 'class-transformer';
import type { ClassTransformOptions } from 'class-transformer';
import { validate } from 'class-validator';
import type { ValidationError, ValidatorOptions } from 'class-validator';
import { InvalidOptionError } from '../../errors/input.errors.js';
import type { StandardIssue, StandardSchema } from '../../model/standard.schema.js';

/**
 * Options of {@link dtoSchema}: those of class-validator, such as `whitelist` and `forbidNonWhitelisted`.
 *
 * @publicApi
 */
export interface DtoSchemaOptions extends ValidatorOptions {
  /** Those of class-transformer, such as `enableImplicitConversion`. */
  readonly transform?: ClassTransformOptions;
}

/** How many issues are looked for: more are not told, and data may have a million faults. */
const MOST = 100;

/**
 * Makes a schema of a class with the decorators of class-validator and class-transformer, as the `ValidationPipe` of NestJS takes it. The handler
 * gets an instance of the class.
 *
 * ```ts
 * @TaskHandler('reports.generate', { schema: dtoSchema(ReportDto, { whitelist: true }) })
 * async generate(report: ReportDto) {}
 * ```
 *
 * @throws InvalidOptionError
 * @publicApi
 */
export function dtoSchema<T extends object>(
  dto: new () => T,
  { transform, ...options }: DtoSchemaOptions = {},
): StandardSchema<T, T> {
  if (typeof dto !== 'function') throw new InvalidOptionError('dto', dto, 'a class');
  return {
    '~standard': {
      version: 1,
      vendor: 'class-validator',
      validate: async (value) => {
        if (typeof value !== 'object' || value === null || Array.isArray(value)) {
          const issue = { message: `an instance of ${dto.name} is made of "data", one object`, type: 'object' };
          return { issues: [issue] };
        }
        const instance = plainToInstance(dto, value as object, transform);
        // A class without decorators is no fault of who gives the data.
        const errors = await validate(instance, { forbidUnknownValues: false, ...options });
        return errors.length === 0 ? { value: instance } : { issues: issuesOf(errors) };
      },
    },
  };
}

function issuesOf(errors: readonly ValidationError[]): StandardIssue[] {
  const issues: (StandardIssue & { readonly type: string })[] = [];
  const collect = (level: readonly ValidationError[], above: readonly PropertyKey[], isList: boolean): void => {
    for (const { property, constraints = {}, children = [], value } of level) {
      const path = [...above, isList ? Number(property) : property];
      for (const [type, message] of Object.entries(constraints)) issues.push({ message, path, type });
      if (issues.length >= MOST) return;
      collect(children, path, Array.isArray(value));
    }
  };
  collect(errors, [], false);
  return issues;
}
