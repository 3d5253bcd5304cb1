import { decodeFrame, ProblemError, validated } from '@app/protocol';

type Constructor<T extends object> = new () => T;

/**
 * A received frame with its header as an instance of `type`; undefined when it is not one, since nobody can be told. `opaque` names
 * a field of which only its being an object is looked at: walking through a plan of a thousand spans takes milliseconds.
 */
export function readFrame<T extends object>(
  type: Constructor<T>,
  payload: Uint8Array,
  opaque?: keyof T & string,
): { header: T; body: Uint8Array } | undefined {
  try {
    const { header, body } = decodeFrame(payload);
    return { header: opaque ? withOpaque(type, header, opaque) : validated(type, header), body };
  } catch (error) {
    if (error instanceof RangeError || error instanceof ProblemError) return undefined;
    throw error;
  }
}

function withOpaque<T extends object>(type: Constructor<T>, header: unknown, field: keyof T & string): T {
  if (typeof header !== 'object' || header === null || !Object.hasOwn(header, field)) return validated(type, header);
  const value = (header as T)[field];
  if (typeof value !== 'object' || value === null) return validated(type, header);
  return Object.assign(validated(type, { ...header, [field]: {} }), { [field]: value });
}
