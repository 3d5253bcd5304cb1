import { ProblemError } from '@app/protocol';

/** Alternative names for voices or models. In a pattern, `*` stands for any characters. The first match wins. */
export class Aliases {
  private constructor(private readonly rows: readonly { readonly pattern: RegExp; readonly target: string }[]) {}

  /** Parses `PATTERN=TARGET` items. Throws `config_invalid`. */
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

  /** The target of a name, or undefined if no pattern matches. */
  targetOf(name: string): string | undefined {
    return this.rows.find(({ pattern }) => pattern.test(name))?.target;
  }
}

function wildcard(pattern: string): RegExp {
  const literal = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${pattern.split('*').map(literal).join('.*')}$`, 'i');
}
