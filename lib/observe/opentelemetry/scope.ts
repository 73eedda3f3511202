import { VERSION } from '../../version.js';

/** What the spans and metrics of this library are told apart by from those of others. */
export const SCOPE = ['nestjs-asyncz', VERSION] as const;
