import { DeclarationError } from '../errors/declaration.error.js';
import { isGenerator } from '../executors/generator.js';
import { messageOf } from '../errors/thrown.js';

/** The name of a method: symbols are names too. */
export type MethodKey = string | symbol;

/** A method as a decorator gets it. */
export interface MarkedMethod {
  /** The prototype that has the method. */
  readonly target: object;
  readonly key: MethodKey;
  /** Its function, when the decorator was applied. */
  readonly method: object;
}

/** A class that was decorated, or a method of one that was decorated late. */
type Listener = (className: string, key: MethodKey) => void;

/** What is known of all decorated classes of this process. */
interface Marks {
  /** Weak, so that a class that nothing else refers to can go. */
  readonly prototypes: WeakRef<object>[];
  readonly listeners: Set<Listener>;
  /** The prototypes that an application of this process has provided, or has warned of. */
  readonly settled: WeakSet<object>;
}

// On the global object and under texts, so that two installed copies of the package agree.
const REGISTRY = Symbol.for('asyncz:marks');
const MARKED_METADATA = 'asyncz:marked-methods';

function registry(): Marks {
  const holder = globalThis as { [REGISTRY]?: Marks };
  return (holder[REGISTRY] ??= { prototypes: [], listeners: new Set(), settled: new WeakSet() });
}

/** The name of a method in messages, and by default that of its handler: `Class.method`. */
export function nameOfMethod(className: string, key: MethodKey): string {
  return `${className}.${String(key)}`;
}

/** An error about an option of a decorator, with the place where that stands. */
export function declarationError(decorator: string, method: string, cause: unknown, id?: unknown): DeclarationError {
  return new DeclarationError(decorator, method, messageOf(cause), typeof id === 'string' ? id : null, { cause });
}

/**
 * Makes a decorator of methods. It remembers the method with its class: another decorator may put its own function in the
 * place of the one that carries the metadata, and nobody may provide the class.
 *
 * @param decorator Its name, for messages.
 * @param mark Leaves the metadata on the function.
 * @param takesGenerators Whether the method may be a generator.
 * @returns A decorator that throws a {@link DeclarationError} on what it cannot make a task of.
 */
export function createMethodDecorator(
  decorator: string,
  mark: (marked: MarkedMethod) => void,
  takesGenerators = false,
): MethodDecorator {
  return (target: object, key: MethodKey, descriptor?: PropertyDescriptor) => {
    const marked = checkMethod(decorator, target, key, descriptor);
    if (!takesGenerators && isGenerator(marked.method)) {
      throw new DeclarationError(
        decorator,
        nameOfMethod(target.constructor.name, key),
        'it is a generator, which only @ScheduledTask runs. Write a method, async where it has to wait.',
      );
    }
    mark(marked);
    remember(marked);
  };
}

/** @throws DeclarationError */
function checkMethod(
  decorator: string,
  target: object,
  key: MethodKey,
  descriptor: PropertyDescriptor | undefined,
): MarkedMethod {
  if (typeof key === 'object' && key !== null) {
    const { kind, name } = key as { readonly kind?: unknown; readonly name?: unknown };
    throw new DeclarationError(
      decorator,
      `the ${String(kind)} ${String(name)}`,
      'it was applied as a standard decorator (TC39), which NestJS cannot read. ' +
        'Compile with "experimentalDecorators": true, and better with "emitDecoratorMetadata": true.',
    );
  }
  if (typeof target === 'function') {
    throw new DeclarationError(
      decorator,
      nameOfMethod(target.name, key),
      'a static method belongs to no provider. Decorate a method of the instance.',
    );
  }
  const method: unknown = descriptor?.value;
  const name = nameOfMethod(target.constructor.name, key);
  if (typeof method !== 'function') {
    throw new DeclarationError(
      decorator,
      name,
      descriptor?.get || descriptor?.set
        ? 'it is an accessor. Decorate a method.'
        : 'it is a property, which exists only when the object is made. Write it as a method: name() { … }.',
    );
  }
  return { target, key, method };
}

function remember({ target, key, method }: MarkedMethod): void {
  const { prototypes, listeners } = registry();
  let methods = markedOn(target);
  if (!methods) {
    methods = new Map();
    Reflect.defineMetadata(MARKED_METADATA, methods, target);
    prototypes.push(new WeakRef(target));
  }
  if (!methods.has(key)) for (const listener of listeners) listener(target.constructor.name, key);
  methods.set(key, method);
}

/** The methods of a prototype, its own and not those that it inherits, that were decorated: their functions at that time. */
export function markedOn(prototype: object): Map<MethodKey, object> | undefined {
  return Reflect.getOwnMetadata(MARKED_METADATA, prototype) as Map<MethodKey, object> | undefined;
}

/**
 * The prototypes of the classes with decorated methods that no application of this process has provided so far. Each is given
 * once, so that a process with many applications, such as one that runs tests, does not repeat itself.
 *
 * @param provided The prototypes that one more application provides.
 */
export function takeUnprovided(provided: ReadonlySet<object>): readonly object[] {
  const { prototypes, settled } = registry();
  const alive = prototypes.filter((reference) => reference.deref() !== undefined);
  prototypes.splice(0, prototypes.length, ...alive);
  const unprovided: object[] = [];
  for (const prototype of alive.map((reference) => reference.deref()!)) {
    if (settled.has(prototype)) continue;
    settled.add(prototype);
    if (!provided.has(prototype)) unprovided.push(prototype);
  }
  return unprovided;
}

/**
 * Calls a function for every method that is decorated from now on: its class was loaded late.
 *
 * @returns A function that ends this.
 */
export function onMarked(listener: Listener): () => void {
  const { listeners } = registry();
  listeners.add(listener);
  return () => void listeners.delete(listener);
}
