const setters = ['--set', '--set-string', '--set-file', '--set-json', '--set-literal'];

/** The paths of the values that the words of a helm command set: `--set a.b=1,c=2` gives `a.b` and `c`. */
export function valuesGiven(words: readonly string[]): string[] {
  return words.flatMap((word, index) => {
    const setter = words[index - 1] ?? '';
    if (!setters.includes(setter)) return [];
    const assignments = setter === '--set' ? word.split(/,(?=[\w.-]+=)/) : [word];
    return assignments.map((assignment) => assignment.split('=')[0] ?? '');
  });
}

/**
 * What a chart's values have at a path, given as `a.b` or in parts. Below an empty map anything may stand, since that is
 * where users write: the map itself then. Undefined where a name is unknown.
 */
export function valueAt(values: object, path: string | readonly string[]): unknown {
  let value: unknown = values;
  for (const part of typeof path === 'string' ? path.split('.') : path) {
    if (typeof value !== 'object' || value === null) return undefined;
    if (Object.keys(value).length === 0) return value;
    if (!Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}
