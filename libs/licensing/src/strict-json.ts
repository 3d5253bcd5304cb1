/**
 * Parses JSON and refuses what two readers could understand differently: a field that an object has twice, at any depth, and
 * `null`, which stands for an absent field in some readers. Throws a `SyntaxError` that says what is wrong.
 */
export function parseStrictJson(text: string): unknown {
  const value = parse(text);
  const objects: Set<string>[] = [];
  // The text is JSON, so that a string before a colon is the name of a field of the innermost object.
  for (const [token, name] of text.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[{}]|null/g)) {
    if (token === '{') objects.push(new Set());
    else if (token === '}') objects.pop();
    else if (token === 'null') throw new SyntaxError('a field is null; leave it out instead');
    else if (name !== undefined) note(objects.at(-1), JSON.parse(name) as string);
  }
  return value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // The parser's own message quotes the text, which must not reach a log.
    throw new SyntaxError('it is not JSON', { cause: error });
  }
}

function note(fields: Set<string> | undefined, name: string): void {
  if (fields?.has(name)) throw new SyntaxError(`the field ${JSON.stringify(name)} appears twice`);
  fields?.add(name);
}
