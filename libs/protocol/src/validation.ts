import 'reflect-metadata';
import { plainToInstance, type ClassConstructor } from 'class-transformer';
import { validateSync, type ValidationError } from 'class-validator';
import { ProblemError } from './problems';

/**
 * Turns a received value into an instance of `type` or throws `bad_request`, whose detail names the fields and the rules
 * they break, never their values. Unknown fields are kept out of the instance when `whitelist` is set.
 */
export function validated<T extends object>(
  type: ClassConstructor<T>,
  value: unknown,
  options: { whitelist?: boolean } = {},
): T {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ProblemError('bad_request', { detail: 'Send a JSON object.' });
  }
  const instance = plainToInstance(type, value);
  const errors = validateSync(instance, {
    whitelist: options.whitelist ?? false,
    validationError: { value: false, target: false },
  });
  if (errors.length > 0) throw new ProblemError('bad_request', { detail: describe(errors).join('; ') + '.' });
  return instance;
}

/** One sentence part per broken rule, with the path of nested fields. */
export function describe(errors: readonly ValidationError[], path = ''): string[] {
  return errors.flatMap((error) => {
    const here = path ? `${path}.${error.property}` : error.property;
    const own = Object.values(error.constraints ?? {}).map((rule) => (path ? `${path}.${rule}` : rule));
    return [...own, ...describe(error.children ?? [], here)];
  });
}
