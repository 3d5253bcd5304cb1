/** What of a JSON schema says where a text may stand. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly pattern?: string;
  readonly enum?: readonly unknown[];
  readonly oneOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly definitions?: Readonly<Record<string, Schema>>;
}

/**
 * Paths of all values that may be a text of the caller's choice, in the form of `helm --set`. A text with a pattern counts if
 * `isTaken` says so of the pattern. A key of the caller's choice is `tts-piper` where that is a lane, otherwise `X`.
 */
export function textPaths(root: Schema, isTaken: (pattern: string) => boolean, schema = root, path = ''): string[] {
  const within = (each: Schema, at: string): string[] => textPaths(root, isTaken, each, at);
  const under = (key: string): string => (path ? `${path}.${key}` : key);
  if (schema.$ref) return within(root.definitions?.[schema.$ref.replace('#/definitions/', '')] ?? {}, path);
  if (schema.enum) return [];
  const more = schema.additionalProperties;
  return [
    ...([schema.type].flat().includes('string') && (!schema.pattern || isTaken(schema.pattern)) ? [path] : []),
    ...(schema.oneOf ?? []).flatMap((each) => within(each, path)),
    ...(schema.items ? within(schema.items, `${path}[0]`) : []),
    ...Object.entries(schema.properties ?? {}).flatMap(([key, each]) => within(each, under(key))),
    ...(typeof more === 'object' ? within(more, under(/(lanes|overrides)$/.test(path) ? 'tts-piper' : 'X')) : []),
  ];
}
