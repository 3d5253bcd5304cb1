/** The query of a request target. */
export const queryOf = (target: string): URLSearchParams => {
  const at = target.indexOf('?');
  return new URLSearchParams(at < 0 ? '' : target.slice(at + 1));
};

/** The path of a request target without doubled and trailing slashes. */
export const pathOf = (target: string): string => {
  const path = (target.split('?', 1)[0] ?? '').replace(/\/{2,}/g, '/');
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
};

/** The query of a request target as an object to be validated. Numeric values are converted to numbers. */
export const queryFieldsOf = (target: string): Record<string, string | number> =>
  Object.fromEntries([...queryOf(target)].map(([name, value]) => [name, isNumber(value) ? Number(value) : value]));

const isNumber = (text: string): boolean => /^-?\d+(\.\d+)?$/.test(text);
