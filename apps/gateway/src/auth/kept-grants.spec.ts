import type { AuthorizationRequest } from '@app/protocol';
import { decidedIn, KeptGrants } from './kept-grants';

const granted = { keyId: 'key-1', validForMs: 60_000 };
const use = (request: Partial<AuthorizationRequest> = {}) =>
  decidedIn({ key: 'k', feature: 'tts', requestId: 'r', ...request });
const uses = {
  http: use(),
  piper: use({ model: 'piper' }),
  kokoro: use({ model: 'kokoro' }),
  piperOnSocket: use({ model: 'piper', connected: true }),
  kokoroOnSocket: use({ model: 'kokoro', connected: true }),
  stt: use({ feature: 'stt' }),
  otherKey: use({ key: 'other' }),
};

let kept: KeptGrants;
beforeEach(() => {
  kept = new KeptGrants();
  for (const each of Object.values(uses)) kept.keep(each, granted, 0);
});
const served = () => Object.entries(uses).flatMap(([name, each]) => (kept.find(each, 1) ? [name] : []));

it.each(['http', 'piper', 'piperOnSocket'] as const)('forgets a feature that is refused to %s, on all ways', (name) => {
  kept.forgetFeature(uses[name]);
  expect(served()).toEqual(['stt', 'otherKey']);
});

it.each(['piper', 'piperOnSocket'] as const)('forgets a model that is refused to %s, and no other', (name) => {
  kept.forgetModel(uses[name]);
  expect(served()).toEqual(['kokoro', 'kokoroOnSocket', 'stt', 'otherKey']);
});

it('keeps the grants of an API key, however many access tokens are granted something', () => {
  for (let token = 0; token < 20_000; token++) kept.keep(use({ key: `at_antiphon_${token}` }), granted, 0);
  expect(served()).toEqual(Object.keys(uses));
  expect(kept.find(use({ key: 'at_antiphon_0' }), 1)).toBeUndefined();
  expect(kept.find(use({ key: 'at_antiphon_19999' }), 1)).toEqual(granted);
});

it('does not forget a grant for the models of a licence that lacks the refused one', () => {
  kept.keep(uses.http, { ...granted, models: ['kokoro'] }, 0);
  kept.forgetModel(uses.piper);
  expect(served()).toContain('http');
});
