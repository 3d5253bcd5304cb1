// @ts-check
const {
  apply,
  applyTemplates,
  chain,
  forEach,
  mergeWith,
  SchematicsException,
  strings,
  url,
} = require('@angular-devkit/schematics');
const { problemOfName, slicesOf } = require('./names.cjs');

/** @typedef {import('@angular-devkit/schematics').Rule} Rule */
/** @typedef {import('@angular-devkit/schematics').Tree} Tree */

/** The registries: for each the line that an endpoint adds. @param {string} name @param {boolean} engine @returns {Record<string, string>} */
const registryLines = (name, engine) => ({
  'apps/gateway/src/endpoints/index.ts': `export * from './${name}/${name}.controller';`,
  'apps/inference/src/handlers/index.ts': `export * from './${name}.handler';`,
  'libs/protocol/src/functions/index.ts': `export * from './${name}.function';`,
  'libs/protocol/src/jobs/index.ts': `export * from './${name}.job';`,
  ...(engine ? { 'libs/speech/src/engines/definitions.ts': `export * from './${name}/${name}.engine';` } : {}),
});

/** What keeps a registry without lines a module. */
const emptyModule = 'export {};';

/**
 * Adds a function endpoint: a kind of job, its row of the graph, a controller, a handler, and tests of both ends. Changes
 * nothing when the name cannot be used or anything of that name is there.
 * @param {{ name: string }} options @returns {Rule}
 */
exports.endpoint = ({ name }) => addEndpoint(name, false);

/** The same with an engine that runs a model. @param {{ name: string }} options @returns {Rule} */
exports.engineEndpoint = ({ name }) => addEndpoint(name, true);

/** @param {string} name @param {boolean} engine @returns {Rule} */
function addEndpoint(name, engine) {
  const problem = problemOfName(name);
  if (problem) throw new SchematicsException(problem);
  return chain([
    ...slicesOf(engine).map(
      (slice) => (/** @type {Tree} */ tree) =>
        mergeWith(apply(url(`./${slice}`), [applyTemplates({ ...strings, name, engine }), refuseExisting(tree)])),
    ),
    ...Object.entries(registryLines(name, engine)).map(([path, line]) => addSortedLine(path, line)),
    (_, { logger }) => logger.info('The charts follow the graph with: npm run graph -- --write'),
  ]);
}

/** A file of the same content would not count as a conflict. @param {Tree} tree @returns {Rule} */
const refuseExisting = (tree) =>
  forEach((file) => {
    if (tree.exists(file.path)) throw new SchematicsException(`${file.path.slice(1)} is there already`);
    return file;
  });

/** @param {string} path @param {string} line @returns {Rule} */
function addSortedLine(path, line) {
  return (tree) => {
    const lines = tree.readText(path).split('\n');
    if (lines.includes(line)) throw new SchematicsException(`${path} has the line already: ${line}`);
    const kept = lines.filter((old) => old !== '' && old !== emptyModule);
    tree.overwrite(path, [...kept, line].sort().join('\n') + '\n');
  };
}
