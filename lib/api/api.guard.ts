import { Inject, Injectable } from '@nestjs/common';
import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { isObservable, lastValueFrom } from 'rxjs';
import { ROLES } from '../client/routes.js';
import type { Role } from '../client/routes.js';
import { ForbiddenError, UnauthorizedError } from '../errors/api.errors.js';
import type { ApiAuth, ApiGuard, ApiIdentity } from './api.options.js';
import { HttpExchange } from './http.exchange.js';
import { operationOf } from './operation.metadata.js';
import { TokenCheck } from './token.check.js';

/** The token of the checked `auth`. */
export const API_AUTH = 'asyncz:api-auth';

const IDENTITIES = new WeakMap<object, ApiIdentity>();

/** Who calls, as the guard has found out. */
export function identityOf(request: object): ApiIdentity {
  const identity = IDENTITIES.get(request);
  if (!identity) throw new UnauthorizedError();
  return identity;
}

/** Lets through who is known, and may call the operation. */
@Injectable()
export class RoleGuard implements CanActivate {
  readonly #tokens: TokenCheck | null;

  constructor(
    @Inject(API_AUTH) private readonly auth: ApiAuth,
    @Inject(ModuleRef) private readonly moduleRef: ModuleRef,
  ) {
    this.#tokens = 'tokens' in auth ? new TokenCheck(auth.tokens) : null;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { name, role } = operationOf(context.getHandler());
    const request = context.switchToHttp().getRequest<object>();
    const identity = this.#tokens
      ? this.#byToken(this.#tokens, context)
      : await this.#byGuard(this.auth as ApiGuard, context);
    if (!allows(identity.role, role)) throw new ForbiddenError(name, role);
    IDENTITIES.set(request, identity);
    return true;
  }

  #byToken(tokens: TokenCheck, context: ExecutionContext): ApiIdentity {
    const http = context.switchToHttp();
    const { headers, address } = new HttpExchange(http.getRequest<object>(), http.getResponse<object>());
    return tokens.identify(headers.authorization, address);
  }

  async #byGuard({ guard: type, identify }: ApiGuard, context: ExecutionContext): Promise<ApiIdentity> {
    const guard = await this.#instanceOf(type);
    const verdict = await guard.canActivate(context);
    const isLetThrough = isObservable(verdict) ? await lastValueFrom(verdict) : verdict;
    if (!isLetThrough) throw new ForbiddenError('This', 'viewer');
    const identity = await identify(context);
    if (!identity || !ROLES.includes(identity.role) || typeof identity.actor !== 'string')
      throw new UnauthorizedError();
    return identity;
  }

  #instance: Promise<CanActivate> | null = null;

  /** The application's own, or else one that its container makes. */
  #instanceOf(type: ApiGuard['guard']): Promise<CanActivate> {
    this.#instance ??= (async () => {
      try {
        return this.moduleRef.get<CanActivate>(type, { strict: false });
      } catch {
        return this.moduleRef.create<CanActivate>(type);
      }
    })();
    return this.#instance;
  }
}

function allows(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}
