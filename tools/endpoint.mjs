// @ts-check
/** `npm run endpoint -- NAME [--engine]`. It is plain Node, since it runs before the code that it adds is compiled. */
import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import names from '../schematics/endpoint/names.cjs';

/**
 * What it uses of the bootstrap: a child process, and `npm run graph -- --write` with the new function. Both return exit codes.
 * @typedef {{ run: (command: string, args: string[]) => Promise<number>, writeGraph: () => Promise<number> }} Ports
 */

const options = ['--offline', '--engine'];

/**
 * Adds an endpoint with Nest's generator, writes the files that depend on the graph, and prints the next steps.
 * @param {readonly string[]} args @param {string} root of the repository @param {Ports} ports @returns {Promise<number>} exit code
 */
export async function addEndpoint(args, root, { run, writeGraph }) {
  const [name = '', ...more] = args.filter((arg) => !options.includes(arg));
  const engine = args.includes('--engine');
  if (name === '' || name.startsWith('--') || more.length > 0) {
    return fail('Give one name: npm run endpoint -- NAME [--engine]. Example: npm run endpoint -- language-id');
  }
  const problem = names.problemOfName(name);
  if (problem) return fail(problem);
  const files = filesOf(name, engine, root);
  const there = files.find((file) => existsSync(join(root, file)));
  if (there) return fail(`${there} already exists. Nothing was changed.`);

  const nest = join(root, 'node_modules/@nestjs/cli/bin/nest.js');
  const what = ['-c', '@antiphon/schematics', engine ? 'engine-endpoint' : 'endpoint'];
  const code = await run(process.execPath, [nest, 'generate', ...what, name, '-p', 'gateway']);
  // Nest's generator prints an error and still exits with 0.
  if (code !== 0 || !files.every((file) => existsSync(join(root, file)))) {
    return fail(`The endpoint was not added. The reason is above.`);
  }
  if ((await writeGraph()) !== 0)
    return fail(
      'The endpoint was added, but the graph was not written. Correct the error above, then run: npm run graph -- --write',
    );
  console.log(nextSteps(name, engine));
  return 0;
}

/** The files that the templates generate. @param {string} name @param {boolean} engine @param {string} root */
function filesOf(name, engine, root) {
  return names
    .slicesOf(engine)
    .map((slice) => join(root, 'schematics/endpoint', slice))
    .filter(existsSync)
    .flatMap((templates) =>
      readdirSync(templates, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => relative(templates, join(entry.parentPath ?? entry.path, entry.name)))
        .map((path) => path.replaceAll('__name__', name).replace(/\.template$/, '')),
    );
}

/** @param {string} name @param {boolean} engine */
const nextSteps = (name, engine) => `
POST /${name} works: it returns the length of a recording${engine ? ', and its level from a starter model' : ''}. Next steps:

  job fields        libs/protocol/src/jobs/${name}.job.ts, and its query in
                    apps/gateway/src/endpoints/${name}/${name}.controller.ts
  result            libs/protocol/src/jobs/${name}.job.ts${engine ? engineSteps(name) : ''}
  work              apps/inference/src/handlers/${name}.handler.ts
  scaling           libs/protocol/src/functions/${name}.function.ts, then npm run graph -- --write
  tests             apps/inference/src/handlers/${name}.handler.spec.ts, test/e2e/${name}.spec.ts

  try it            npm run up. KEY is the key that it prints.
                    curl http://127.0.0.1:5000/${name} -H "X-API-Key: $KEY" -F file=@hello.wav

Its name is a licence feature, which keys need. The development licence has it after the next start.
docs/new-endpoint.md explains these steps with an example.`;

/** @param {string} name */
const engineSteps = (name) => `
  engine            libs/speech/src/engines/${name}/${name}.engine.ts: inputs and outputs of the model
  model             an artifact with lane ${name}.MODEL in libs/artifacts/src/manifest.json, then
                    models: 'manifest' in its row. Until then it uses starter-model.ts`;

/** @param {string} line */
function fail(line) {
  console.error(line);
  return 1;
}
