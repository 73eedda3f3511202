import { runInNewContext } from 'node:vm';

const refuse = (): never => {
  throw new Error('a trap');
};

/** A proxy whose traps all throw. */
export function hostileProxy(): object {
  const traps = new Proxy({}, { get: () => refuse });
  return new Proxy({}, traps);
}

/** A proxy that was revoked. */
export function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function withGetter(key: string): Error {
  return Object.defineProperty(new Error('hidden'), key, { get: refuse, configurable: true });
}

/** What can be thrown, and what code that looks at an error does not expect: how to make each, by its name. */
export const ODD_THROWS: Readonly<Record<string, () => unknown>> = {
  'an error whose message is a getter that throws': () => withGetter('message'),
  'an error whose name is a getter that throws': () => withGetter('name'),
  'an error whose stack is a getter that throws': () => withGetter('stack'),
  'an error whose code is a getter that throws': () => withGetter('code'),
  'an error whose cause is a getter that throws': () => withGetter('cause'),
  'an error whose name is a symbol': () => Object.assign(new Error('named'), { name: Symbol('odd') }),
  'a proxy that was revoked': revokedProxy,
  'a proxy whose traps throw': hostileProxy,
  'an error whose cause is a proxy whose traps throw': () => new Error('outer', { cause: hostileProxy() }),
  'an AggregateError whose members are revoked proxies': () => new AggregateError([revokedProxy(), revokedProxy()]),
  'an error that is its own cause': () => {
    const error = new Error('round');
    error.cause = error;
    return error;
  },
  'an error with a thousand causes': () => {
    let error = new Error('first');
    for (let at = 0; at < 1_000; at += 1) error = new Error('next', { cause: error });
    return error;
  },
  'an error of a million characters': () => new Error('x'.repeat(1_000_000)),
  'an AggregateError of twenty thousand members': () =>
    new AggregateError(Array.from({ length: 20_000 }, (_, at) => `member ${at}`)),
  'an object without a prototype': () => Object.create(null) as unknown,
  'an object that converts to text by throwing': () => ({ toString: refuse, [Symbol.toPrimitive]: refuse }),
  'a plain object': () => ({ statusCode: 400, message: 'bad request', code: 'E_BAD' }),
  'an error of another realm': () =>
    runInNewContext('Object.assign(new TypeError("far"), { code: "E_FAR" })') as unknown,
  'a function': () => refuse,
  'a symbol': () => Symbol('thrown'),
  'a bigint': () => 7n,
  undefined: () => undefined,
  null: () => null,
  'a promise that rejects': () => Promise.reject(new Error('nobody awaits it')),
};
