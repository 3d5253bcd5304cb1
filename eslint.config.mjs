// @ts-check
import eslint from '@eslint/js';
import tseslint from 'typescript-eslint';

const nest = ['@nestjs/*', '@willsoto/*'];
const bus = ['@nats-io/*'];
/** Signed documents: libs/licensing has the one implementation. */
const signatures = ['jose'];
/** Handlers are plain async functions. Nest needs the package; the code of jobs does not. */
const observables = ['rxjs'];

/** What a folder may import of ours, and which packages it may not. Anything of ours not listed is refused, and so is any file of a library but its public index. */
const table = [
  { folder: 'libs/protocol', may: [], mayNot: [...nest, ...bus] },
  { folder: 'libs/speech', may: [], mayNot: [...nest, ...bus] },
  { folder: 'libs/media', may: ['protocol', 'speech/audio'], mayNot: [...nest, ...bus] },
  { folder: 'libs/licensing', may: ['protocol'], mayNot: [...nest, ...bus] },
  { folder: 'libs/artifacts', may: ['protocol'], mayNot: [...nest, ...bus] },
  { folder: 'libs/broker', may: ['protocol'], mayNot: [...signatures, ...observables] },
  { folder: 'libs/platform', may: ['protocol'], mayNot: [...bus, ...signatures] },
  {
    folder: 'apps/gateway',
    may: ['protocol', 'speech/text', 'speech/audio', 'media', 'broker', 'artifacts', 'platform'],
    mayNot: [...bus, ...signatures, 'onnxruntime-node'],
  },
  {
    folder: 'apps/inference',
    may: [
      'protocol',
      'speech/text',
      'speech/audio',
      'speech/batching',
      'speech/engines',
      'broker',
      'artifacts',
      'platform',
    ],
    mayNot: [...bus, ...signatures, ...observables],
  },
  {
    folder: 'apps/license',
    may: ['protocol', 'broker', 'licensing', 'platform'],
    mayNot: [...bus, ...signatures, 'onnxruntime-node'],
  },
  {
    folder: 'tools',
    may: [
      'protocol',
      'speech/text',
      'speech/audio',
      'speech/batching',
      'speech/engines',
      'speech/onnx',
      'broker',
      'artifacts',
      'licensing',
      'platform',
    ],
    mayNot: [],
  },
];

const importRules = table.map(({ folder, may, mayNot }) => ({
  files: [`${folder}/**/*.ts`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            regex: `^@app/(?!(${may.join('|') || '-'})$)`,
            message: `${folder} may import only: ${may.join(', ') || 'nothing of ours'}.`,
          },
          { regex: '^(\\.\\./)+(apps|libs)/', message: 'Import the public index of a library, @app/NAME.' },
          ...(mayNot.length > 0 ? [{ group: mayNot, message: `${folder} does not use this package.` }] : []),
        ],
      },
    ],
  },
}));

export default tseslint.config(
  { ignores: ['dist/', 'coverage/', 'node_modules/', '.antiphon/'] },
  eslint.configs.recommended,
  ...tseslint.configs.recommendedTypeChecked.map((config) => ({ ...config, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'max-lines': ['error', { max: 400 }],
      'max-lines-per-function': ['error', { max: 60, skipBlankLines: true, skipComments: true }],
      'max-params': 'off',
      '@typescript-eslint/max-params': ['error', { max: 5 }],
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Read the environment in a .config.ts file only.' },
      ],
    },
  },
  ...importRules,
  { files: ['**/*.config.ts', 'tools/**/*.ts', 'test/**/*.ts'], rules: { 'no-restricted-properties': 'off' } },
  { files: ['**/*.spec.ts', 'test/**/*.ts'], rules: { 'max-lines-per-function': 'off' } },
  {
    files: ['**/*.mjs', '**/*.cjs', '**/*.js'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly' } },
  },
);
