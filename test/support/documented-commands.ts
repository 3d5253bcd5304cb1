/** A command of a documentation page, as its words without quotes. */
export interface DocumentedCommand {
  readonly page: string;
  readonly words: readonly string[];
}

/** The commands of a program in the shell blocks of pages, given as name and text; only what stands before a pipe. */
export function documentedCommands(
  pages: readonly (readonly [string, string])[],
  program: string,
): DocumentedCommand[] {
  return pages.flatMap(([page, text]) =>
    blocksOf(text, 'sh')
      .flatMap((block) => block.replaceAll(/\\\n\s*/g, '').split('\n'))
      .map(wordsOf)
      .filter(([first]) => first === program)
      .map((words) => ({ page, words })),
  );
}

/** The YAML blocks of a page. */
export const yamlBlocks = (page: string): string[] => blocksOf(page, 'yaml');

const blocksOf = (text: string, language: string): string[] =>
  [...text.matchAll(new RegExp(`^\\s*\`\`\`${language}\\n([\\s\\S]*?)^\\s*\`\`\``, 'gm'))].map(
    ([, block = '']) => block,
  );

function wordsOf(line: string): string[] {
  const words = [...line.trim().matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)].map(([word]) => word);
  const end = words.findIndex((word) => ['|', '&&', '>', '&', ';'].includes(word));
  return words.slice(0, end < 0 ? undefined : end).map((word) => word.replaceAll(/'([^']*)'|"([^"]*)"/g, '$1$2'));
}
