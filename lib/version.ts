/**
 * The version of this library, such as `1.2.3`.
 *
 * @publicApi
 */
export const VERSION = '0.1.0';
