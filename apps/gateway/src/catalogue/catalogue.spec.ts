import { loadManifest } from '@app/artifacts';
import { ProblemError } from '@app/protocol';
import { Aliases } from './aliases';
import { Catalogue, type CatalogueOptions, type Offering } from './catalogue';
import { voicePage } from './voice-page';

const catalogue = (options: Partial<CatalogueOptions> = {}): Catalogue =>
  Catalogue.from(loadManifest(), {
    served: ['piper-joe', 'whisper-tiny-en'],
    modelAliases: [],
    voiceAliases: [],
    ...options,
  });

const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return error instanceof ProblemError ? error.code : 'no problem';
  }
  return 'nothing thrown';
};

describe('a catalogue', () => {
  it.each(['sonic', 'sonic-3.6', 'SONIC-turbo', 'piper'])('speaks with the first voice for the model %s', (model) => {
    expect(catalogue().findVoice(model, 'piper-joe').id).toBe('piper-joe');
  });

  it.each(['ink-2', 'ink-whisper-2025-06-04', 'whisper-tiny-en'])('hears with the first model for %s', (model) => {
    expect(catalogue().findModel('stt', model).id).toBe('whisper-tiny-en');
  });

  it('knows no other models', () => {
    expect(codeOf(() => catalogue().findVoice('ink-2', 'piper-joe'))).toBe('model_not_found');
    expect(codeOf(() => catalogue().findModel('stt', 'sonic'))).toBe('model_not_found');
  });

  it('catches all voice ids only when told to', () => {
    expect(codeOf(() => catalogue().findVoice('sonic', 'any'))).toBe('voice_not_found');
    expect(catalogue({ voiceAliases: ['*=piper-joe'] }).findVoice('sonic', 'any').id).toBe('piper-joe');
  });

  it('takes other names for models when told to', () => {
    const other = catalogue({ modelAliases: ['azure-disco=piper'] });
    expect(other.findVoice('azure-disco', 'joe').id).toBe('piper-joe');
    expect(codeOf(() => other.findVoice('sonic-3', 'joe'))).toBe('model_not_found');
  });

  it.each([
    [undefined, 'en'],
    ['en', 'en'],
    ['en-GB', 'en'],
    ['EN_us', 'en'],
  ])('understands the language %s as %s', (wanted, language) => {
    const { voices } = catalogue();
    expect(catalogue().languageOf(voices[0]!, wanted)).toBe(language);
  });

  it('refuses at start what it cannot offer', () => {
    expect(codeOf(() => catalogue({ served: ['nothing'] }))).toBe('artifact_unavailable');
    expect(codeOf(() => catalogue({ served: ['nats-server'] }))).toBe('config_invalid');
    expect(codeOf(() => catalogue({ modelAliases: ['sonic'] }))).toBe('config_invalid');
  });
});

describe('aliases', () => {
  it('match whole names, with * for anything, the first that fits', () => {
    const aliases = Aliases.parse(['a.b=1', 'sonic-*-x=2', 'sonic*=3', '*=4']);
    expect(['a.b', 'a-b', 'sonic-3-x', 'SONIC', 'a sonic'].map((name) => aliases.targetOf(name))).toEqual([
      '1',
      '4',
      '2',
      '3',
      '4',
    ]);
  });
});

describe('pages of voices', () => {
  const voices: Offering[] = Array.from({ length: 25 }, (_, index) => ({
    id: `v${index}`,
    kind: 'tts',
    model: 'm',
    name: `Voice ${index}`,
    description: index === 7 ? 'warm' : '',
    languages: [index % 2 ? 'de' : 'en'],
    gender: index % 3 ? 'feminine' : 'masculine',
  }));
  const page = (query: string) =>
    voicePage(voices, new URLSearchParams(query)) as {
      data: { id: string }[];
      has_more: boolean;
      next_page: string | null;
    };

  it('are walked through by clients that stop at an empty one', () => {
    const seen: string[] = [];
    let requests = 0;
    for (let after = ''; ; requests++) {
      const { data } = page(`limit=10${after && `&starting_after=${after}`}`);
      if (data.length === 0) break;
      seen.push(...data.map(({ id }) => id));
      after = seen.at(-1)!;
    }
    expect(seen).toEqual(voices.map(({ id }) => id));
    expect(requests + 1).toBe(4);
  });

  it('go backwards without overlap or gap, in the order of the list', () => {
    expect(page('limit=10&ending_before=v12')).toMatchObject({ has_more: true, next_page: 'v2' });
    expect(page('limit=10&ending_before=v12').data.map(({ id }) => id)).toEqual(
      voices.slice(2, 12).map(({ id }) => id),
    );
    expect(page('limit=10&ending_before=v2').data.map(({ id }) => id)).toEqual(['v0', 'v1']);
  });

  it('are ten long unless asked otherwise', () => {
    expect(page('')).toMatchObject({ has_more: true, next_page: 'v9' });
    expect(page('limit=100')).toMatchObject({ has_more: false, next_page: null });
  });

  it('hold what was asked for', () => {
    expect(page('q=WARM').data.map(({ id }) => id)).toEqual(['v7']);
    expect(page('language=de-DE&limit=100').data).toHaveLength(12);
    expect(page('gender=masculine&limit=100').data).toHaveLength(9);
    expect(page('is_owner=true').data).toEqual([]);
  });
});
