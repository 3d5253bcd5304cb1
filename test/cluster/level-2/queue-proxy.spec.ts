import { finalText } from '../../../tools/client/stt-client';
import { wordErrorRate } from '../../support/word-error-rate';
import { describeInNamespace } from '../support/namespace';
import { describeDrain } from './drain-suite';
import { describeGateway } from './gateway-suite';
import { describeInference } from './inference-suite';
import { LongSessions } from './support/long-sessions';
import type { KnativePod } from './support/knative-pod';
import { Neighbourhood } from './support/neighbourhood';
import { PodNetwork, whyNoPodNetwork } from './support/pod-network';

const seconds = 1_000;
const reason = whyNoPodNetwork();

describeInNamespace(
  "behind Knative's queue-proxy, with the settings that our charts give it",
  () => {
    const network = new PodNetwork();
    let near: Neighbourhood;
    let calls: Neighbourhood;
    let gateway: KnativePod;
    let sessions: LongSessions;

    beforeAll(async () => {
      network.open();
      near = new Neighbourhood(network, 'speech');
      await near.open();
      calls = new Neighbourhood(network, 'calls');
      await calls.open();
      await near.startWorker(['tts.piper', 'stt.whisper-tiny-en']);
      gateway = await near.readyPod('gateway');
      sessions = await LongSessions.open(near.target(gateway));
    }, 120 * seconds);

    afterAll(async () => {
      await calls?.close();
      await near?.close();
      network.close();
    }, 60 * seconds);

    describe('the gateway', () =>
      describeGateway(
        () => near,
        () => gateway,
      ));

    describe('a gateway', () => describeDrain(() => near));

    describe('jobs by request', () => describeInference(() => calls));

    describe('sockets that were open all this time', () => {
      it(
        "outlive the 300 s of Knative's default timeouts, with every sentence spoken and heard",
        async () => {
          const { speaking, hearing, recording } = await sessions.ended();
          const spoken = speaking.outcome;
          expect(speaking.forMs).toBeGreaterThan(300 * seconds);
          expect(spoken.length).toBeGreaterThan(10);
          for (const sentence of spoken) expect(sentence.equals(spoken[0] ?? Buffer.alloc(0))).toBe(true);
          expect(hearing.forMs).toBeGreaterThan(300 * seconds);
          expect(hearing.outcome.closeCode).toBe(1000);
          expect(wordErrorRate(recording.text, finalText(hearing.outcome)).rate).toBeLessThan(0.1);
          const lived = [speaking, hearing].map(({ forMs }) => `${Math.round(forMs / seconds)} s`);
          console.log(`sockets lived ${lived.join(' and ')}; ${spoken.length} sentences were spoken`);
        },
        450 * seconds,
      );
    });
  },
  reason === undefined ? [] : [reason],
);
