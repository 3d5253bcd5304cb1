/** The reduced keys and values of silence, which the encoder and the decoder find after the speech. */
export interface SilentRest {
  /** Number of keys that stand for the rest. */
  readonly groups: number;
  /** [groups, encoder layers x (keys, values) x width] */
  readonly layers: Float32Array;
  /** [groups, decoder layers x (keys, values) x width] */
  readonly cross: Float32Array;
  /** Logarithm of the number of positions that each group stands for. */
  readonly weights: Float32Array;
}

/**
 * The keys and values of 30 s of silence. Neighbouring positions of silence have nearly the same keys and values. One
 * mean can therefore stand for several positions if its score is raised by the logarithm of their number.
 */
export class SilentContext {
  /** `layers` and `cross` hold one row of means for each group of `groupPositions` positions. */
  constructor(
    private readonly positions: number,
    private readonly groupPositions: number,
    readonly layers: Float32Array,
    readonly cross: Float32Array,
  ) {}

  /** The silence from position `start` on. */
  after(start: number): SilentRest {
    const { positions, groupPositions } = this;
    const all = Math.ceil(positions / groupPositions);
    const first = start < positions ? Math.floor(start / groupPositions) : all;
    const weights = Float32Array.from({ length: all - first }, (_, index) => {
      const from = Math.max(start, (first + index) * groupPositions);
      return Math.log(Math.min(positions, (first + index + 1) * groupPositions) - from);
    });
    const rest = (rows: Float32Array): Float32Array => rows.subarray((rows.length / all) * first);
    return { groups: weights.length, layers: rest(this.layers), cross: rest(this.cross), weights };
  }
}

/** Means over groups of rows. `parts` are joined side by side; each is [positions, its own width]. */
export function groupMeans(
  parts: readonly Float32Array[],
  positions: number,
  groupPositions: number,
): Float32Array<ArrayBuffer> {
  const groups = Math.ceil(positions / groupPositions);
  const width = parts.reduce((sum, part) => sum + part.length, 0) / positions;
  const means = new Float32Array(groups * width);
  let offset = 0;
  for (const part of parts) {
    const partWidth = part.length / positions;
    for (let position = 0; position < positions; position += 1) {
      const group = Math.floor(position / groupPositions);
      const members = Math.min(positions, (group + 1) * groupPositions) - group * groupPositions;
      const row = group * width + offset;
      for (let index = 0; index < partWidth; index += 1) {
        means[row + index]! += part[position * partWidth + index]! / members;
      }
    }
    offset += partWidth;
  }
  return means;
}
