// @ts-check
/* global __dirname */
// Lets a thread of a test run our TypeScript sources, as jest does in its own processes.
const { Module } = require('node:module');
const { join } = require('node:path');
const { readFileSync } = require('node:fs');
const { transformSync } = require('@swc/core');

const root = join(__dirname, '../..');
/** @type {any} */
const loader = Module;
const resolve = loader._resolveFilename;

/** @param {string} request @param {any[]} rest */
loader._resolveFilename = (request, ...rest) => {
  const [, name, part] = /^@app\/([^/]+)(?:\/(.+))?$/.exec(request) ?? [];
  return resolve.call(loader, name ? join(root, 'libs', name, 'src', part ?? '', 'index.ts') : request, ...rest);
};

/** @param {any} module @param {string} file */
loader._extensions['.ts'] = (module, file) => {
  const { code } = transformSync(readFileSync(file, 'utf8'), {
    filename: file,
    swcrc: false,
    jsc: { parser: { syntax: 'typescript', decorators: true }, target: 'es2022' },
    module: { type: 'commonjs', ignoreDynamic: true },
  });
  module._compile(code, file);
};
