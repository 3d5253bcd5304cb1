import { decodeFrame, ProblemError, validated } from '@app/protocol';

type Constructor<T extends object> = new () => T;

/**
 * Decodes a received frame, with its header as an instance of `type`. Returns undefined for an invalid frame, since
 * there is nobody to report it to.
 */
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
