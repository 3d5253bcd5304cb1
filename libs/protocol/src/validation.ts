import 'reflect-metadata';
import { getMetadataStorage, ValidateNested, validateSync, type ValidationError } from 'class-validator';
import { ProblemError } from './problems';

type Constructor<T extends object = object> = new () => T;

/** How fields are handled that the class does not declare. Free-form fields are never searched for them. */
export interface ValidationOptions {
  readonly unknownFields?: 'ignored' | 'refused';
}

/** The class of a field, and whether the field is an array of its instances. */
interface NestedField {
  readonly typeOf: () => Constructor;
  readonly isArray: boolean;
}

const nestedFieldKey = Symbol('nested field');
/** Faults that one answer names. */
const maxNamedFaults = 10;

const nested =
  (nestedField: NestedField): PropertyDecorator =>
  (target, field) => {
    ValidateNested()(target, field);
    Reflect.defineMetadata(nestedFieldKey, nestedField, target, field);
  };

/** Declares a field that is an instance of a class with its own rules. */
export const Nested = (typeOf: () => Constructor): PropertyDecorator => nested({ typeOf, isArray: false });

/** Declares a field that is an array of such instances. */
export const NestedArray = (typeOf: () => Constructor): PropertyDecorator => nested({ typeOf, isArray: true });

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
  const misshapen = new Map<string, string>();
  const instance = instanceOf(type, value, misshapen);
  const broken = validateSync(instance, { validationError: { value: false, target: false } });
  const faults = [...unknown, ...misshapen.values(), ...describe(broken, misshapen)];
  if (faults.length > 0) throw new ProblemError('bad_request', { detail: `${listOf(faults)}.` });
  return instance;
}

function listOf(faults: readonly string[]): string {
  const more = faults.length - maxNamedFaults;
  return [...faults.slice(0, maxNamedFaults), ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Adds to `misshapen`, by path, what should be an object or an array and is neither; its content is not read. */
function instanceOf<T extends object>(
  type: Constructor<T>,
  value: Record<string, unknown>,
  misshapen: Map<string, string>,
  path = '',
): T {
  const instance = new type();
  for (const field of declaredFields(type)) {
    if (!Object.hasOwn(value, field)) continue;
    const here = `${path}${field}`;
    const nestedField = nestedFieldOf(type, field);
    if (nestedField && !hasShape(nestedField, value[field])) {
      misshapen.set(here, `${here} must be ${nestedField.isArray ? 'an array' : 'an object'}`);
    } else {
      const known = nestedField ? nestedValue(nestedField.typeOf(), value[field], misshapen, here) : value[field];
      Object.assign(instance, { [field]: known });
    }
  }
  return instance;
}

/** Whether something may be left out is said by the rules of its field. */
const hasShape = ({ isArray }: NestedField, value: unknown): boolean =>
  value === undefined || value === null || (isArray ? Array.isArray(value) : isRecord(value));

function nestedValue(type: Constructor, value: unknown, misshapen: Map<string, string>, path: string): unknown {
  if (Array.isArray(value)) return value.map((item, index) => nestedValue(type, item, misshapen, `${path}.${index}`));
  return isRecord(value) ? instanceOf(type, value, misshapen, `${path}.`) : value;
}

/** One sentence part per unknown field, with its path. */
function unknownIn(type: Constructor, value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => unknownIn(type, item, `${path}${index}.`));
  if (!isRecord(value)) return [];
  const declared = declaredFields(type);
  const unknown = Object.keys(value).filter((field) => !declared.has(field));
  const nested = [...declared].flatMap((field) => {
    const nestedField = nestedFieldOf(type, field);
    if (!nestedField || !hasShape(nestedField, value[field])) return [];
    return unknownIn(nestedField.typeOf(), value[field], `${path}${field}.`);
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

const nestedFieldOf = (type: Constructor, field: string): NestedField | undefined =>
  Reflect.getMetadata(nestedFieldKey, type.prototype as object, field) as NestedField | undefined;

/** One sentence part per broken rule, with the path of nested fields. What is misshapen has been said. */
function describe(errors: readonly ValidationError[], misshapen: ReadonlyMap<string, string>, path = ''): string[] {
  return errors.flatMap((error) => {
    const here = path ? `${path}.${error.property}` : error.property;
    if (misshapen.has(here)) return [];
    const own = Object.values(error.constraints ?? {}).map((rule) => (path ? `${path}.${rule}` : rule));
    return [...own, ...describe(error.children ?? [], misshapen, here)];
  });
}
