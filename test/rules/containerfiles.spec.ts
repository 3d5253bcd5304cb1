import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadManifest } from '@app/artifacts';
import { parse } from 'yaml';
import { lineageOf, parseContainerfile, variableOf, type Instruction, type Stage } from '../support/containerfile';
import { closureOf, packagesReached } from './package-closure';

const root = join(__dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const { version, engines } = JSON.parse(read('package.json')) as { version: string; engines: { node: string } };
const { projects } = JSON.parse(read('nest-cli.json')) as {
  projects: Record<string, { entryFile: string }>;
};
const { global: chart } = parse(read('knative/values.yaml')) as {
  global: { models: { folder: string }; images: Record<'gpuSuffix' | 'modelsSuffix', string> };
};

const apps = ['gateway', 'license', 'inference'] as const;
const files = new Map(apps.map((app) => [app, parseContainerfile(read(`images/${app}.Containerfile`))]));
const fileOf = (app: (typeof apps)[number]) => files.get(app) ?? { args: new Map<string, string>(), stages: [] };

/** Every stage that is an image: the last of a file, and what inference is built for with --target. */
const images = [
  ...apps.map((app) => ({ app, target: fileOf(app).stages.at(-1)?.name ?? '' })),
  ...['cpu', 'with-models', 'cuda', 'cuda-with-models'].map((target) => ({ app: 'inference' as const, target })),
].map(({ app, target }) => ({ app, target, lineage: lineageOf(fileOf(app), target) }));

const all = (stages: readonly Stage[], ...keywords: string[]): Instruction[] =>
  stages.flatMap(({ instructions }) => instructions.filter(({ keyword }) => keywords.includes(keyword)));
const last = (stages: readonly Stage[], keyword: string): string | undefined => all(stages, keyword).at(-1)?.text;
const copies = (stages: readonly Stage[]) =>
  all(stages, 'COPY').map(({ flags, text }) => ({
    from: flags.find((flag) => flag.startsWith('from='))?.slice('from='.length),
    paths: text.split(/\s+/).slice(0, -1),
  }));

/** Sources that no COPY from the context brings into these stages. */
const notCopied = (sources: readonly string[], stages: readonly Stage[]): string[] => {
  const copied = copies(stages).flatMap(({ from, paths }) => (from === undefined ? paths : []));
  return sources.filter((source) => !copied.some((path) => source === path || source.startsWith(`${path}/`)));
};

const ignoreLines = read('.containerignore')
  .split('\n')
  .filter((line) => line && !line.startsWith('#'));
const letIn = ignoreLines.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
const isInContext = (path: string): boolean => letIn.some((kept) => path === kept || path.startsWith(`${kept}/`));

it('has a Containerfile for each app and no other', () => {
  const found = readdirSync(join(root, 'images')).filter((name) => name.endsWith('.Containerfile'));
  expect(found.sort()).toEqual(apps.map((app) => `${app}.Containerfile`).sort());
});

describe.each(apps)('images/%s.Containerfile', (app) => {
  const file = fileOf(app);

  it('copies only what the repository has and .containerignore lets in, or an earlier stage', () => {
    const wrong = file.stages.flatMap((stage, index) =>
      copies([stage]).flatMap(({ from, paths }) => {
        if (from !== undefined) return file.stages.slice(0, index).some(({ name }) => name === from) ? [] : [from];
        return paths.filter((path) => !existsSync(join(root, path)) || !isInContext(path));
      }),
    );
    expect(wrong).toEqual([]);
  });

  it('starts from base images that are build arguments with a tag or digest, on a supported Node', () => {
    const outside = file.stages.filter(({ base }) => !file.stages.some(({ name }) => name === base));
    const bases = outside.map(({ base }) => file.args.get(/^\$\{(\w+)\}$/.exec(base)?.[1] ?? '') ?? `fixed: ${base}`);
    for (const base of bases) expect(base).toMatch(/^docker\.io\/[a-z/]+:(?!latest)[\w.-]+$/);
    const [, major] = /node:(\d+)-bookworm-slim$/.exec(file.args.get('NODE_IMAGE') ?? '') ?? [];
    expect(['22', '24']).toContain(major);
    expect(Number(major)).toBeGreaterThanOrEqual(Number(/\d+/.exec(engines.node)?.[0]));
  });

  it('compiles nothing that it has not copied', () => {
    const needed = closureOf(root, [`apps/${app}/src/main.ts`]).sources;
    expect(notCopied(needed, lineageOf(file, 'build'))).toEqual([]);
  });

  it('takes no secret as an argument or a variable, and fetches nothing by ADD', () => {
    const variables = all(file.stages, 'ARG', 'ENV').flatMap(({ text }) => text.match(/\w+(?==)|^\w+$/g) ?? []);
    expect([...file.args.keys(), ...variables].filter((name) => /token|secret|password|key|auth/i.test(name))).toEqual(
      [],
    );
    expect(all(file.stages, 'ADD', 'ONBUILD', 'SHELL', 'MAINTAINER')).toEqual([]);
    for (const { flags } of all(file.stages, 'RUN')) {
      for (const flag of flags) expect(flag).toMatch(/^mount=type=secret,id=(npmrc|pip),target=\/\S+$/);
    }
  });

  it('installs what the lock says, and of it nothing for development into the image', () => {
    const installs = all(file.stages, 'RUN').filter(({ text }) => /npm (ci|i|install)\b/.test(text));
    expect(installs.map(({ text }) => /npm \w+/.exec(text)?.[0])).toEqual(['npm ci', 'npm ci']);
    const modules = copies(file.stages).find(({ paths }) => paths.includes('/app/node_modules'));
    const packages = lineageOf(file, modules?.from ?? '');
    expect(last(packages, 'RUN')).toBeDefined();
    for (const { text } of all(packages, 'RUN').filter((run) => run.text.includes('npm '))) {
      expect(text).toContain('npm ci --omit=dev');
    }
  });

  it('takes out no package that the app needs', () => {
    const removed = all(file.stages, 'RUN').flatMap(({ text }) => [
      ...(/npm uninstall --omit=dev ([^&]+)/.exec(text)?.[1]?.trim().split(/\s+/) ?? []),
      ...(/rm -r node_modules\/(\S+)/.exec(text)?.[1] ?? '').split(/\s+/).filter(Boolean),
    ]);
    expect(removed.length).toBeGreaterThan(0);
    const { packages: loaded } = closureOf(root, [`apps/${app}/src/main.ts`]);
    expect(loaded).toContain('@nestjs/core');
    expect(loaded.includes('onnxruntime-node')).toBe(app === 'inference');
    // Of the speech detector's package one model file is read; what came along with it is never loaded.
    const throughNpm = packagesReached(
      root,
      loaded.filter((name) => name !== '@ricky0123/vad-web'),
    );
    expect(removed.filter((name) => loaded.includes(name) || throughNpm.includes(name))).toEqual([]);
  });
});

describe.each(images)('the image of $app, target $target', ({ app, lineage }) => {
  it('runs as a numeric user that is not root, which owns nothing in it', () => {
    expect(last(lineage, 'USER')).toMatch(/^[1-9]\d{3,}:[1-9]\d{3,}$/);
    for (const { flags } of all(lineage, 'COPY')) expect(flags.join(' ')).not.toMatch(/chown|chmod/);
  });

  it('starts the built entry of the app with Node as process 1 and ends on SIGTERM', () => {
    const { entryFile = '' } = projects[app] ?? {};
    const entry: unknown = JSON.parse(last(lineage, 'ENTRYPOINT') ?? 'null');
    expect(entry).toEqual(['node', '--enable-source-maps', `dist/${entryFile}.js`]);
    expect(existsSync(join(root, `${entryFile}.ts`))).toBe(true);
    expect(copies(lineage).flatMap(({ paths }) => paths)).toContain('/app/dist');
    expect(last(lineage, 'STOPSIGNAL')).toBe('SIGTERM');
    // Kubernetes probes; a health check of the image would be a second opinion.
    expect(all(lineage, 'HEALTHCHECK')).toEqual([]);
    const command = last(lineage, 'CMD');
    if (app === 'inference') expect(command).toBe('["worker"]');
    else expect(command).toBeUndefined();
  });

  it('says what it is', () => {
    const labels = all(lineage, 'LABEL')
      .map(({ text }) => text)
      .join(' ');
    for (const name of ['title', 'description', 'licenses', 'version', 'revision']) {
      expect(labels).toContain(`org.opencontainers.image.${name}=`);
    }
    expect(labels).toContain(`antiphon-${app}`);
    const args = new Map(all(lineage, 'ARG').map(variableOf));
    expect(args.get('VERSION')).toBe(version);
    expect(copies(lineage).flatMap(({ paths }) => paths)).toEqual(
      expect.arrayContaining(['LICENSE', 'docs/licenses.md']),
    );
  });
});

describe('the image with models', () => {
  it('has those that a start needs, prepared, where the charts look for them', () => {
    const models = lineageOf(fileOf('inference'), 'models');
    const wanted = loadManifest().artifacts.filter(({ default: isDefault, serves }) => isDefault && serves);
    const given = new Map(all(models, 'ARG').map(variableOf)).get('MODELS');
    expect(given?.split(' ').sort()).toEqual(wanted.map(({ id }) => id).sort());
    expect(last(models, 'RUN')).toMatch(/models get .* models prepare .* chmod -R a\+rX/s);
    for (const { target, lineage } of images.filter((image) => image.target.endsWith('with-models'))) {
      const copied = all(lineage, 'COPY').find(({ flags }) => flags.includes('from=models'));
      expect([target, copied?.text]).toEqual([target, `${chart.models.folder} ${chart.models.folder}`]);
      expect(
        all(lineage, 'ENV')
          .map(({ text }) => text)
          .join(' '),
      ).toContain(`MODELS_FOLDER=${chart.models.folder}`);
    }
  });

  it('is made by tools that are there as a whole: they are compiled together', () => {
    const tools = readdirSync(join(root, 'tools'), { recursive: true, encoding: 'utf8' });
    const entries = tools.filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'));
    const { sources } = closureOf(
      root,
      entries.map((name) => join('tools', name)),
    );
    const configuration = readdirSync(root).filter((name) => /^(nest-cli|tsconfig.*)\.json$/.test(name));
    expect(notCopied([...sources, ...configuration], lineageOf(fileOf('inference'), 'models'))).toEqual([]);
  });

  it('is tagged in its file as the charts ask for it', () => {
    const { gpuSuffix, modelsSuffix } = chart.images;
    const commands = read('images/inference.Containerfile');
    const tags = {
      cpu: '',
      'with-models': modelsSuffix,
      cuda: gpuSuffix,
      'cuda-with-models': `${gpuSuffix}${modelsSuffix}`,
    };
    for (const [target, suffix] of Object.entries(tags)) {
      expect(commands).toMatch(new RegExp(`--target ${target} +-t REGISTRY/antiphon-inference:VERSION${suffix} `));
    }
  });
});

describe('.containerignore', () => {
  it('lets in by name alone, and no local models, licences, keys or builds', () => {
    expect(ignoreLines[0]).toBe('*');
    for (const path of ['.antiphon', '.git', 'dist', 'node_modules', 'coverage', 'test/e2e']) {
      expect([path, isInContext(path)]).toEqual([path, false]);
    }
    expect(ignoreLines.filter((line) => line !== '*' && !line.startsWith('!'))).toEqual(['**/*.spec.ts']);
  });

  it('is the same for Docker, which reads another name', () => {
    expect(read('.dockerignore')).toBe(read('.containerignore'));
  });
});
