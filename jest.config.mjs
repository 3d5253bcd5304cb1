// @ts-check
// For tests that load ONNX Runtime by themselves: it would report to its maker.
process.env.ORT_DISABLE_TELEMETRY = '1';

/** Nest, the NATS client and others ship ES modules only, and the exporter of traces imports on demand; swc compiles them, and our sources, to CommonJS for jest. */
const swc = [
  '@swc/jest',
  {
    jsc: {
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
      target: 'es2022',
    },
    module: { type: 'commonjs' },
  },
];

/** Those that look at no time in which speech comes: they run beside other tests, unlike the rest of e2e. */
const untimed = [
  'authorisation',
  'license',
  'license-connected',
  'license-endpoint',
  'new-endpoint',
  'request-dispatch',
  'traces',
  'usage',
  'usage-faults',
].map((name) => `<rootDir>/test/e2e/${name}.spec.ts`);

/** @param {string} name @param {string[]} testMatch */
const project = (name, testMatch) => ({
  displayName: name,
  rootDir: import.meta.dirname,
  testMatch,
  testEnvironment: '<rootDir>/test/support/node-environment.cjs',
  setupFiles: ['reflect-metadata'],
  transform: { '^.+\\.(t|j|mj)s$': swc },
  transformIgnorePatterns: [
    '/node_modules/(?!(@nestjs|@nats-io|cookie|jose|magic-string|modern-tar|@willsoto|@opentelemetry/otlp-exporter-base)/)',
  ],
  moduleNameMapper: {
    '/thread-entry$': '<rootDir>/test/support/thread-entry.ts',
    '^@app/speech/(.*)$': '<rootDir>/libs/speech/src/$1/index.ts',
    '^@app/([^/]+)$': '<rootDir>/libs/$1/src/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
});

export default {
  // A busy machine is slow, which no test is about.
  testTimeout: 60_000,
  // jest would leave one core to others, which is half of two.
  maxWorkers: '100%',
  projects: [
    project('unit', [
      '<rootDir>/apps/**/*.spec.ts',
      '<rootDir>/libs/**/*.spec.ts',
      '<rootDir>/schematics/**/*.spec.ts',
      '<rootDir>/tools/**/*.spec.ts',
      '<rootDir>/test/support/**/*.spec.ts',
    ]),
    project('rules', ['<rootDir>/test/rules/**/*.spec.ts']),
    project('conformance', ['<rootDir>/test/conformance/**/*.spec.ts']),
    project('untimed', untimed),
    { ...project('e2e', ['<rootDir>/test/e2e/**/*.spec.ts']), testPathIgnorePatterns: untimed },
    project('observability', ['<rootDir>/test/observability/**/*.spec.ts']),
    project('egress', ['<rootDir>/test/egress/**/*.spec.ts']),
    project('cluster', ['<rootDir>/test/cluster/**/*.spec.ts']),
  ],
};
