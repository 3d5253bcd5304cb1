import { refusal, type Choice } from './rendered';

/** Values that contradict each other, and all that the sentence against them says. */
type Row = readonly [values: readonly string[], says: readonly string[]];

/** One test for each row: the charts refuse the values, and the sentence has every part. */
export function itRefuses(rows: readonly Row[], choice: Choice = {}): void {
  it.each(rows)('%j', (values, says) => {
    const said = refusal({ ...choice, set: [...(choice.set ?? []), ...values] });
    for (const part of says) expect(said).toContain(part);
  });
}

/** One test for each row: the charts take the values. */
export function itTakes(rows: readonly (readonly string[])[], choice: Choice = {}): void {
  it.each(rows.map((values) => [values]))('%j', (values) => {
    expect(refusal({ ...choice, set: [...(choice.set ?? []), ...values] })).toBeUndefined();
  });
}
