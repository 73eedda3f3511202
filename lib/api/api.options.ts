import type { CanActivate, DynamicModule, ExecutionContext, FactoryProvider, Type } from '@nestjs/common';
import type { Role } from '../client/routes.js';
import { ROLES } from '../client/routes.js';
import { listOf } from '../errors/asyncz.error.js';
import { InvalidOptionError, rejectUnknownOptions } from '../errors/input.errors.js';
import { checkList } from '../errors/option.checks.js';
import { namesOf } from '../model/names.js';
import type { Awaitable } from '../stores/store.interface.js';

/** Who calls the API. @publicApi */
export interface ApiIdentity {
  readonly role: Role;
  /** Named by the tasks and runs that are changed, and in the journal; at most 500 characters. */
  readonly actor: string;
}

/**
 * A token that the API takes: `Authorization: Bearer …`. Several may hold at once, so that one can be replaced.
 *
 * @publicApi
 */
export interface ApiToken extends ApiIdentity {
  /** The token itself: at least 32 characters. */
  readonly token?: string;
  /** In its place, its SHA-256 hash in hexadecimal digits: then the token is nowhere in the configuration. */
  readonly sha256?: string;
}

/**
 * A guard of the application, and what it has found out.
 *
 * @publicApi
 */
export interface ApiGuard {
  /** A class of the application: it is taken from its container, or made by it. */
  readonly guard: Type<CanActivate>;
  /** Called after the guard has let a request through. null refuses it. */
  readonly identify: (context: ExecutionContext) => Awaitable<ApiIdentity | null>;
}

/** How the callers of the API are known. @publicApi */
export type ApiAuth = { readonly tokens: readonly ApiToken[] } | ApiGuard;

/** Options of the API that a factory may give. @publicApi */
export interface AsynczApiRuntimeOptions {
  /** How callers are known. There is no default: nobody may do anything. */
  readonly auth: ApiAuth;
}

interface ApiShape {
  /** Below the global prefix of the application. @default 'asyncz' */
  readonly path?: string;
  /** The name of the scheduler. @default 'default' */
  readonly scheduler?: string;
}

/** Options of `AsynczApiModule.forRoot`. @publicApi */
export interface AsynczApiModuleOptions extends ApiShape, AsynczApiRuntimeOptions {}

/** Options of `AsynczApiModule.forRootAsync`. @publicApi */
export interface AsynczApiModuleAsyncOptions extends ApiShape {
  readonly imports?: DynamicModule['imports'];
  readonly inject?: FactoryProvider['inject'];
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly useFactory: (...injected: any[]) => Awaitable<AsynczApiRuntimeOptions>;
}

/** The names of {@link AsynczApiModuleOptions}. */
export const API_OPTIONS = namesOf<keyof AsynczApiModuleOptions>({ path: 0, scheduler: 0, auth: 0 });

/** The names of {@link AsynczApiModuleAsyncOptions}. */
export const API_ASYNC_OPTIONS = namesOf<keyof AsynczApiModuleAsyncOptions>({
  path: 0,
  scheduler: 0,
  imports: 0,
  inject: 0,
  useFactory: 0,
});

/** What a factory may give. */
const RUNTIME_OPTIONS = namesOf<keyof AsynczApiRuntimeOptions>({ auth: 0 });

const TOKEN_OPTIONS = namesOf<keyof ApiToken>({ token: 0, sha256: 0, role: 0, actor: 0 });
const GUARD_OPTIONS = namesOf<keyof ApiGuard>({ guard: 0, identify: 0 });

const SHORTEST_TOKEN = 32;
const MOST_TOKENS = 1_000;

/** @throws InvalidOptionError, UnknownOptionError */
export function checkRuntime(options: AsynczApiRuntimeOptions): ApiAuth {
  rejectUnknownOptions('what the factory of AsynczApiModule.forRootAsync gives', options, RUNTIME_OPTIONS);
  return checkAuth(options.auth);
}

/** @throws InvalidOptionError, UnknownOptionError */
export function checkAuth(auth: ApiAuth): ApiAuth {
  const allowed = '{ tokens: […] }, or { guard, identify }: without it nobody could be kept out';
  if (typeof auth !== 'object' || auth === null) throw new InvalidOptionError('auth', auth, allowed);
  if ('guard' in auth) {
    rejectUnknownOptions('auth', auth, GUARD_OPTIONS);
    if (typeof auth.guard !== 'function')
      throw new InvalidOptionError('auth.guard', auth.guard, 'the class of a guard');
    if (typeof auth.identify !== 'function') throw new InvalidOptionError('auth.identify', auth.identify, 'a function');
    return auth;
  }
  if (!('tokens' in auth)) throw new InvalidOptionError('auth', auth, allowed);
  rejectUnknownOptions('auth', auth, ['tokens']);
  const { tokens } = auth;
  checkList('auth.tokens', tokens, 'tokens');
  if (tokens.length === 0 || tokens.length > MOST_TOKENS)
    throw new InvalidOptionError('auth.tokens', `${tokens.length} tokens`, `1 to ${MOST_TOKENS} tokens`);
  tokens.forEach(checkToken);
  return auth;
}

/** No message shows a token. */
function checkToken(given: ApiToken, at: number): void {
  const where = `auth.tokens[${at}]`;
  rejectUnknownOptions(where, given, TOKEN_OPTIONS);
  const { token, sha256, role, actor } = given;
  if ((token === undefined) === (sha256 === undefined))
    throw new InvalidOptionError(where, 'a token', 'with either "token" or "sha256"');
  if (token !== undefined && (typeof token !== 'string' || token.length < SHORTEST_TOKEN))
    throw new InvalidOptionError(`${where}.token`, 'a text', `a text of at least ${SHORTEST_TOKEN} characters`);
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/i.test(sha256))
    throw new InvalidOptionError(`${where}.sha256`, 'a text', '64 hexadecimal digits');
  if (!ROLES.includes(role)) throw new InvalidOptionError(`${where}.role`, role, listOf(ROLES));
  if (typeof actor !== 'string' || actor === '' || actor.length > 500)
    throw new InvalidOptionError(`${where}.actor`, actor, 'a text of 1 to 500 characters');
}
