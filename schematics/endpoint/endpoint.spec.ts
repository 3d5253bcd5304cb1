import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tree } from '@angular-devkit/schematics';
import { SchematicTestRunner, UnitTestTree } from '@angular-devkit/schematics/testing';
import * as estree from 'prettier/plugins/estree';
import * as typescript from 'prettier/plugins/typescript';
import { check } from 'prettier/standalone';

// What devkit loads for installing packages, which no schematic here does; it is an ES module, which jest cannot require.
jest.mock('ora', () => ({}));

const root = join(__dirname, '../..');
const style = JSON.parse(readFileSync(join(root, '.prettierrc'), 'utf8')) as object;
const barrels = [
  '/apps/gateway/src/endpoints/index.ts',
  '/apps/inference/src/handlers/index.ts',
  '/libs/protocol/src/functions/index.ts',
  '/libs/protocol/src/jobs/index.ts',
];
/** Where an endpoint with an engine adds one more line. */
const engines = '/libs/speech/src/engines/definitions.ts';

/** What Nest's CLI gives to every schematic beside the name. */
const ofTheCli = {
  project: 'gateway',
  sourceRoot: 'apps/gateway/src',
  spec: true,
  flat: false,
  specFileSuffix: 'spec',
  language: 'ts',
  format: true,
};

const runner = new SchematicTestRunner('@antiphon/schematics', join(__dirname, '../collection.json'));

/** The registries as they are in this repository, and nothing else. */
function workspace(): UnitTestTree {
  const tree = new UnitTestTree(Tree.empty());
  for (const barrel of [...barrels, engines]) tree.create(barrel, readFileSync(join(root, barrel), 'utf8'));
  return tree;
}

const add = (name: string, tree = workspace(), schematic = 'endpoint'): Promise<UnitTestTree> =>
  runner.runSchematic(schematic, { ...ofTheCli, name }, tree);
const addWithEngine = (name: string, tree = workspace()): Promise<UnitTestTree> => add(name, tree, 'engine-endpoint');

describe('the endpoint schematic', () => {
  it('writes the slice of an endpoint, and a line in each registry', async () => {
    const tree = await add('language-id');
    expect(tree.files).toEqual(
      [
        ...barrels,
        engines,
        '/apps/gateway/src/endpoints/language-id/language-id.controller.ts',
        '/apps/inference/src/handlers/language-id.handler.spec.ts',
        '/apps/inference/src/handlers/language-id.handler.ts',
        '/libs/protocol/src/functions/language-id.function.ts',
        '/libs/protocol/src/jobs/language-id.job.ts',
        '/test/e2e/language-id.spec.ts',
      ].sort(),
    );
    expect(tree.readText(barrels[0] ?? '')).toContain("export * from './language-id/language-id.controller';\n");
    expect(tree.readText(barrels[1] ?? '')).toContain("export * from './language-id.handler';\n");
    expect(tree.readText(barrels[2] ?? '')).toContain("export * from './language-id.function';\n");
    expect(tree.readText(barrels[3] ?? '')).toContain("export * from './language-id.job';\n");
    expect(tree.readText(engines)).toBe(workspace().readText(engines));
  });

  it('writes an engine as well where one is asked for, and its line among the engines', async () => {
    const [plain, tree] = await Promise.all([add('language-id'), addWithEngine('language-id')]);
    expect(tree.files.filter((file) => !plain.files.includes(file))).toEqual([
      '/libs/speech/src/engines/language-id/language-id.engine.spec.ts',
      '/libs/speech/src/engines/language-id/language-id.engine.ts',
      '/libs/speech/src/engines/language-id/starter-model.ts',
    ]);
    expect(plain.files.filter((file) => !tree.files.includes(file))).toEqual([]);
    expect(tree.readText(engines)).toContain("export * from './language-id/language-id.engine';\n");
    const row = '/libs/protocol/src/functions/language-id.function.ts';
    expect(tree.readText(row)).toContain("engine: { name: 'language-id' },");
    expect(plain.readText(row)).not.toContain('engine');
  });

  it('refuses a name that an engine has', async () => {
    await expect(addWithEngine('silero')).rejects.toThrow('has the line already');
    const taken = workspace();
    taken.create('/libs/speech/src/engines/whisper/whisper.engine.ts', '');
    await expect(addWithEngine('whisper', taken)).rejects.toThrow('whisper.engine.ts is there already');
  });

  it('says what it leaves to be done, since it cannot compile what it has written', async () => {
    const said: string[] = [];
    const subscription = runner.logger.subscribe(({ message }) => said.push(message));
    await add('language-id');
    subscription.unsubscribe();
    expect(said).toEqual([expect.stringContaining('npm run graph -- --write')]);
  });

  it('keeps every line of a registry, sorted, and no empty module beside them', async () => {
    const before = workspace();
    const after = await add('a-first', await add('z-last', await add('m-middle')));
    for (const barrel of barrels) {
      const lines = after.readText(barrel).trimEnd().split('\n');
      const kept = before.readText(barrel).split('\n');
      expect(lines).toEqual([...lines].sort());
      expect(lines).toEqual(expect.arrayContaining(kept.filter((line) => line.startsWith('export *'))));
      expect(lines.filter((line) => /(a-first|m-middle|z-last)\.\w+';$/.test(line))).toHaveLength(3);
      expect(lines).not.toContain('export {};');
    }
  });

  it('opens an empty registry', async () => {
    const tree = workspace();
    const [controllers = ''] = barrels;
    tree.overwrite(controllers, 'export {};\n');
    expect((await add('echo', tree)).readText(controllers)).toBe("export * from './echo/echo.controller';\n");
  });

  it.each(['e', 'loudness', 'speaker-diarisation-by-clusters'])('writes %s as the formatter would', async (name) => {
    const trees = await Promise.all([add(name), addWithEngine(name)]);
    const options = { ...style, parser: 'typescript', plugins: [typescript, estree] };
    for (const tree of trees) {
      for (const file of tree.files) {
        expect([file, await check(tree.readText(file), options)]).toEqual([file, true]);
        expect(tree.readText(file)).not.toMatch(/<%|%>|\bundefined(Job|Step|Engine)/);
      }
    }
  });

  it('refuses a name that is there, in whichever place', async () => {
    const tree = await add('echo');
    await expect(add('echo', tree)).rejects.toThrow('is there already');
    for (const barrel of barrels) {
      const taken = workspace();
      const line = /export .*echo.*\n/.exec(tree.readText(barrel))?.[0] ?? '';
      taken.overwrite(barrel, line + taken.readText(barrel));
      await expect(add('echo', taken)).rejects.toThrow(`${barrel.slice(1)} has the line already`);
    }
    for (const file of tree.files.filter((one) => one.includes('echo'))) {
      const taken = workspace();
      taken.create(file, '');
      await expect(add('echo', taken)).rejects.toThrow(`${file.slice(1)} is there already`);
    }
  });

  it.each(['LanguageId', 'language_id', '1st', 'a--b', '-a', 'a-', 'über', 'a-1', '../a', ''])(
    'refuses the name "%s", which is not kebab-case',
    async (name) => {
      await expect(add(name)).rejects.toThrow('kebab-case');
    },
  );

  it.each(['tts', 'stt', 'voices', 'v1', 'audio', 'status', 'metrics', 'healthz', 'catalogue', 'access-token'])(
    'refuses the name %s, which means something else here or to existing clients',
    async (name) => {
      await expect(add(name)).rejects.toThrow('is taken');
    },
  );

  it('refuses a name that would be too long for what is named after its lane', async () => {
    const longest = 'a'.repeat(32);
    await expect(add(longest)).resolves.toBeDefined();
    await expect(add(`${longest}a`)).rejects.toThrow('longer than 32');
    // What KEDA calls the autoscaler of the lane's worker, and the longest name that Kubernetes takes.
    expect(`keda-hpa-worker-${longest}-builtin`.length).toBeLessThanOrEqual(63);
  });
});
