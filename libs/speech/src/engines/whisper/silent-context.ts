/** Keys and values of a silent 30 s, thinned: what speech frames and the decoder find after the speech. */
export interface SilentRest {
  /** How many keys stand for the rest. */
  readonly groups: number;
  /** [groups, encoder layers x (keys, values) x width] */
  readonly layers: Float32Array;
  /** [groups, decoder layers x (keys, values) x width] */
  readonly cross: Float32Array;
  /** Logarithm of the number of positions that each group stands for. */
  readonly weights: Float32Array;
}

/**
 * Neighbouring positions of silence have nearly the same keys and values, so that one mean can stand for several of them
 * if its score is raised by the logarithm of their number.
 */
export class SilentContext {
  /** `layers` and `cross` hold one row of means for each group of `groupPositions` of `positions` positions. */
  constructor(
    private readonly positions: number,
    private readonly groupPositions: number,
    readonly layers: Float32Array,
    readonly cross: Float32Array,
  ) {}

  /** Everything from position `start` on. */
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

/** Means over groups of rows; `parts` are laid side by side, each [positions, its own width]. */
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
