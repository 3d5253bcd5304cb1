// @ts-check
/** Longest name: with what Kubernetes and KEDA put around it, a lane's name stays within 63 characters. */
const longestName = 32;

/** Words of lower-case letters and digits, so that two names never give the same class or JetStream stream. */
const kebabCase = /^[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*$/;

/** Paths of Cartesia's and OpenAI's APIs, of this server's own pages, and features of a licence that are no functions. */
const taken = [
  ...['access-token', 'accents', 'add-pdict', 'add-voices', 'agents', 'audio', 'audit', 'calls', 'chat', 'completions'],
  ...['datasets', 'embeddings', 'files', 'fine-tunes', 'infill', 'license', 'localize', 'models', 'onprem'],
  ...['pronunciation-dicts', 'realtime', 'responses', 'stt', 'tts', 'usage', 'v1', 'voice-changer', 'voices'],
  ...['authorize', 'health', 'healthz', 'jobs', 'livez', 'metrics', 'ready', 'readyz', 'status'],
  'catalogue',
];

/**
 * What is wrong with a name for an endpoint, as a sentence; undefined for one that can be used.
 * @param {string} name @returns {string | undefined}
 */
function problemOfName(name) {
  if (!kebabCase.test(name)) return `"${name}" is not kebab-case, as in language-id; every word begins with a letter.`;
  if (name.length > longestName) return `"${name}" is longer than ${longestName} characters.`;
  if (taken.includes(name)) return `"${name}" is taken: it is a path or a feature that means something else.`;
  return undefined;
}

/** The folders of templates that make an endpoint, with an engine or without. @param {boolean} engine */
const slicesOf = (engine) => ['files', engine ? 'files-engine' : 'files-plain'];

module.exports = { problemOfName, slicesOf };
