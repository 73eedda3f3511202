export { dtoSchema } from './dto.schema.js';
export type { DtoSchemaOptions } from './dto.schema.js';
