// @ts-check
/** `npm run endpoint -- NAME [--engine]`. Plain Node, since it runs before what it adds is compiled. */
import { existsSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import names from '../schematics/endpoint/names.cjs';

/**
 * What it needs of the bootstrap: a child process, and `npm run graph -- --write` with the new function; both give exit codes.
 * @typedef {{ run: (command: string, args: string[]) => Promise<number>, writeGraph: () => Promise<number> }} Ports
 */

const options = ['--offline', '--engine'];

/**
 * Adds an endpoint with Nest's own generator, has what depends on the graph written anew, and says what to do next.
 * @param {readonly string[]} args @param {string} root of the repository @param {Ports} ports @returns {Promise<number>} exit code
 */
export async function addEndpoint(args, root, { run, writeGraph }) {
  const [name = '', ...more] = args.filter((arg) => !options.includes(arg));
  const engine = args.includes('--engine');
  if (name === '' || name.startsWith('--') || more.length > 0) {
    return fail('Give one name: npm run endpoint -- NAME [--engine], language-id for example.');
  }
  const problem = names.problemOfName(name);
  if (problem) return fail(problem);
  const files = filesOf(name, engine, root);
  const there = files.find((file) => existsSync(join(root, file)));
  if (there) return fail(`${there} is there already; nothing was changed.`);

  const nest = join(root, 'node_modules/@nestjs/cli/bin/nest.js');
  const what = ['-c', '@antiphon/schematics', engine ? 'engine-endpoint' : 'endpoint'];
  const code = await run(process.execPath, [nest, 'generate', ...what, name, '-p', 'gateway']);
  // Nest's generator says what went wrong and exits with 0 all the same.
  if (code !== 0 || !files.every((file) => existsSync(join(root, file)))) {
    return fail(`The endpoint was not added; the reason is above.`);
  }
  if ((await writeGraph()) !== 0) return fail('The endpoint was added. Once that is mended: npm run graph -- --write');
  console.log(nextSteps(name, engine));
  return 0;
}

/** What the templates become. @param {string} name @param {boolean} engine @param {string} root */
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
POST /${name} works: it says how long a recording is${engine ? ', and how loud, by a starter model' : ''}. Next:

  what it takes     libs/protocol/src/jobs/${name}.job.ts, and its query in
                    apps/gateway/src/endpoints/${name}/${name}.controller.ts
  what it answers   libs/protocol/src/jobs/${name}.job.ts${engine ? engineSteps(name) : ''}
  its work          apps/inference/src/handlers/${name}.handler.ts
  how it scales     libs/protocol/src/functions/${name}.function.ts; then npm run graph -- --write
  its tests         apps/inference/src/handlers/${name}.handler.spec.ts, test/e2e/${name}.spec.ts

  try it            npm run up, and where KEY is the key it prints:
                    curl http://127.0.0.1:5000/${name} -H "X-API-Key: $KEY" -F file=@hello.wav

Its name is a feature of licences: keys need one that names it. The development licence does from the next start on.
docs/new-endpoint.md goes through all of it with an example.`;

/** @param {string} name */
const engineSteps = (name) => `
  its engine        libs/speech/src/engines/${name}/${name}.engine.ts: inputs and outputs of the model
  its model         an artifact with lane ${name}.MODEL in libs/artifacts/src/manifest.json, then
                    models: 'manifest' in its row; starter-model.ts stands in until then`;

/** @param {string} line */
function fail(line) {
  console.error(line);
  return 1;
}
