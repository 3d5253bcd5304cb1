import 'reflect-metadata';
import { getMetadataStorage, ValidateNested, validateSync, type ValidationError } from 'class-validator';
import { ProblemError } from './problems';

type Constructor<T extends object = object> = new () => T;

/** How fields are handled that the class does not declare. Free-form fields are never searched for them. */
export interface ValidationOptions {
  readonly unknownFields?: 'ignored' | 'refused';
}

const nestedTypeKey = Symbol('nested type');

/** Declares a field that is an instance of a class with its own rules, or an array of such instances. */
export const Nested =
  (typeOf: () => Constructor): PropertyDecorator =>
  (target, field) => {
    ValidateNested()(target, field);
    Reflect.defineMetadata(nestedTypeKey, typeOf, target, field);
  };

/**
 * Validates a received value and returns an instance of `type`. Throws `bad_request`, whose detail names the fields and
 * the rules that they break, never their values. Only declared fields (those with a rule) are read, so the cost does
 * not depend on other fields. A field without a nested class is taken unchanged.
 */
export function validated<T extends object>(
  type: Constructor<T>,
  value: unknown,
  { unknownFields = 'ignored' }: ValidationOptions = {},
): T {
  if (!isRecord(value)) throw new ProblemError('bad_request', { detail: 'Send a JSON object.' });
  const unknown = unknownFields === 'refused' ? unknownIn(type, value) : [];
  const instance = instanceOf(type, value);
  const faults = [
    ...unknown,
    ...describe(validateSync(instance, { validationError: { value: false, target: false } })),
  ];
  if (faults.length > 0) throw new ProblemError('bad_request', { detail: `${faults.join('; ')}.` });
  return instance;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function instanceOf<T extends object>(type: Constructor<T>, value: Record<string, unknown>): T {
  const instance = new type();
  for (const field of declaredFields(type)) {
    if (!Object.hasOwn(value, field)) continue;
    Object.assign(instance, { [field]: nestedValue(nestedType(type, field), value[field]) });
  }
  return instance;
}

function nestedValue(type: Constructor | undefined, value: unknown): unknown {
  if (!type) return value;
  if (Array.isArray(value)) return value.map((item) => nestedValue(type, item));
  return isRecord(value) ? instanceOf(type, value) : value;
}

/** One sentence part per unknown field, with its path. */
function unknownIn(type: Constructor, value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => unknownIn(type, item, `${path}${index}.`));
  if (!isRecord(value)) return [];
  const declared = declaredFields(type);
  const unknown = Object.keys(value).filter((field) => !declared.has(field));
  const nested = [...declared].flatMap((field) => {
    const nestedHere = nestedType(type, field);
    return nestedHere ? unknownIn(nestedHere, value[field], `${path}${field}.`) : [];
  });
  return [...unknown.map((field) => `${path}property ${field} should not exist`), ...nested];
}

const fieldsByType = new WeakMap<Constructor, ReadonlySet<string>>();

function declaredFields(type: Constructor): ReadonlySet<string> {
  const known = fieldsByType.get(type);
  if (known) return known;
  const rules = getMetadataStorage().getTargetValidationMetadatas(type, '', false, false);
  const fields = new Set(rules.map(({ propertyName }) => propertyName));
  fieldsByType.set(type, fields);
  return fields;
}

function nestedType(type: Constructor, field: string): Constructor | undefined {
  const typeOf = Reflect.getMetadata(nestedTypeKey, type.prototype as object, field) as (() => Constructor) | undefined;
  return typeOf?.();
}

/** One sentence part per broken rule, with the path of nested fields. */
function describe(errors: readonly ValidationError[], path = ''): string[] {
  return errors.flatMap((error) => {
    const here = path ? `${path}.${error.property}` : error.property;
    const own = Object.values(error.constraints ?? {}).map((rule) => (path ? `${path}.${rule}` : rule));
    return [...own, ...describe(error.children ?? [], here)];
  });
}
