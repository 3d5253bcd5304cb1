import type { Msg } from '@nats-io/transport-node';
import { deliveryOf } from './nats-delivery';

const message = (reply?: string): Msg => ({ reply, data: new Uint8Array(), respond: () => true }) as unknown as Msg;

describe('a message of a pull', () => {
  it.each([
    ['nine tokens', '$JS.ACK.ANTIPHON_TTS.first.2.1700000000001.5.1700000000.0'],
    ['eleven tokens', '$JS.ACK.domain.account.ANTIPHON_TTS.first.2.1700000000001.5.1700000000.0'],
    ['twelve tokens', '$JS.ACK.domain.account.ANTIPHON_TTS.first.2.1700000000001.5.1700000000.0.random'],
  ])('is a delivery with its sequence in the lane when its reply subject has %s', (_, reply) => {
    expect(deliveryOf(message(reply))?.sequence).toBe(1_700_000_000_001);
  });

  it.each([
    ['no reply subject', undefined],
    ['an inbox as its reply subject', '_INBOX.a.b'],
    ['a reply subject of another length', '$JS.ACK.a.b.1.2.3'],
    ['words in place of numbers', '$JS.ACK.ANTIPHON_TTS.first.many.some.5.1700000000.0'],
  ])('is no delivery with %s', (_, reply) => {
    expect(deliveryOf(message(reply))).toBeUndefined();
  });
});
