import { fakeRateHz } from './fake-worker';

export const text = 'Hello there, this is a test of the gateway.';

/** What every TTS request has; the audio is as the fake voice makes it. */
export const generation = (fields: object = {}) => ({
  model_id: 'sonic-3',
  voice: { mode: 'id', id: 'piper-joe' },
  output_format: { container: 'raw', encoding: 'pcm_f32le', sample_rate: fakeRateHz },
  ...fields,
});

export const spoken = (fields: object = {}) => ({ ...generation(), transcript: text, ...fields });

/** A promise that the test settles. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}
