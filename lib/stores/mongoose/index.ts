export { mongooseStore } from './mongoose-store.config.js';
export type { MongooseInjectedOptions } from './mongoose-store.config.js';
export { MongooseStore } from './mongoose.store.js';
export type {
  MongooseClientOptions,
  MongooseConnectionOptions,
  MongooseStoreOptions,
  MongooseStoreSettings,
  MongooseServerOptions,
} from './mongoose.options.js';
