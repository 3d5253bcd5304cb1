import { ProblemError } from '@app/protocol';

/** Names that clients use for what is called otherwise here; `*` in a pattern stands for any characters. First match wins. */
export class Aliases {
  private constructor(private readonly rows: readonly { readonly pattern: RegExp; readonly target: string }[]) {}

  /** Reads `PATTERN=TARGET` items; throws `config_invalid`. */
  static parse(items: readonly string[]): Aliases {
    return new Aliases(
      items.map((item) => {
        const [pattern, target, ...rest] = item.split('=').map((part) => part.trim());
        if (!pattern || !target || rest.length > 0) {
          throw new ProblemError('config_invalid', { detail: `An alias is PATTERN=TARGET, not "${item}".` });
        }
        return { pattern: wildcard(pattern), target };
      }),
    );
  }

  /** What a name stands for; undefined when no pattern matches it. */
  targetOf(name: string): string | undefined {
    return this.rows.find(({ pattern }) => pattern.test(name))?.target;
  }
}

function wildcard(pattern: string): RegExp {
  const literal = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${pattern.split('*').map(literal).join('.*')}$`, 'i');
}
