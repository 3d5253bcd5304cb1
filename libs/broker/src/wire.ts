import { decodeFrame, ProblemError, validated } from '@app/protocol';

type Constructor<T extends object> = new () => T;

/** A received frame with its header as an instance of `type`; undefined when it is not one, since nobody can be told. */
export function readFrame<T extends object>(
  type: Constructor<T>,
  payload: Uint8Array,
): { header: T; body: Uint8Array } | undefined {
  try {
    const { header, body } = decodeFrame(payload);
    return { header: validated(type, header), body };
  } catch (error) {
    if (error instanceof RangeError || error instanceof ProblemError) return undefined;
    throw error;
  }
}
