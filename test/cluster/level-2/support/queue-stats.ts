import { Reader } from 'protobufjs/minimal';

/** Field of the average in Knative's `metrics.Stat`. */
const averageConcurrencyField = 2;

/** How many requests queue-proxy says were running on average in the last second, as Knative's autoscaler reads it. */
export async function averageConcurrency(statsUrl: string): Promise<number> {
  const response = await fetch(statsUrl, { headers: { accept: 'application/protobuf' } });
  if (!response.ok) throw new Error(`${statsUrl} was answered with ${response.status}`);
  const reader = Reader.create(new Uint8Array(await response.arrayBuffer()));
  let average = 0;
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag >>> 3 === averageConcurrencyField) average = reader.double();
    else reader.skipType(tag & 7);
  }
  return average;
}
