export { asynczEntities } from './schema/entities.js';
export type { EntityOptions } from './schema/entities.js';
export { asynczMigrations } from './schema/migrations.js';
export { generateSchemaSql } from './schema/schema.sql.js';
export type { SchemaDialect } from './schema/schema.sql.js';
export { typeormStore } from './typeorm.factory.js';
export type { TypeormStoreFactoryOptions } from './typeorm.factory.js';
export type { TypeormStoreOptions, TypeormStoreSettings } from './typeorm.options.js';
export { TypeormStore } from './typeorm.store.js';
