import { parser } from '@prometheus-io/lezer-promql';

/** A selector of an expression: the metric it names, and the labels it matches. */
export interface Selector {
  readonly metric: string;
  readonly matchers: readonly { readonly label: string; readonly value: string }[];
}

/** What an expression reads. */
export interface ExpressionParts {
  readonly selectors: readonly Selector[];
  /** Labels that it groups, joins or matches by. */
  readonly labels: readonly string[];
}

/** Variables of Grafana that stand where PromQL wants a duration. */
const durationVariables = /\$__(rate_interval|interval|range)/g;

/** Parses an expression of a rule or a panel; an Error shows where it is not PromQL. */
export function parsePromql(expression: string): ExpressionParts {
  const text = expression.replace(durationVariables, '5m');
  const selectors: { metric: string; matchers: { label: string; value: string }[] }[] = [];
  const labels: string[] = [];
  parser.parse(text).iterate({
    enter: ({ node, name, type, from, to }) => {
      const source = text.slice(from, to);
      if (type.isError)
        throw new Error(`not PromQL at "${text.slice(Math.max(0, from - 20), from + 20)}": ${expression}`);
      if (name === 'VectorSelector') selectors.push({ metric: textOf(node.getChild('Identifier')), matchers: [] });
      if (name === 'UnquotedLabelMatcher') {
        const value = textOf(node.getChild('StringLiteral')).slice(1, -1);
        selectors.at(-1)?.matchers.push({ label: textOf(node.getChild('LabelName')), value });
      }
      if (name === 'LabelName') labels.push(source);
    },
  });
  return { selectors, labels };

  function textOf(node: { readonly from: number; readonly to: number } | null): string {
    return node ? text.slice(node.from, node.to) : '';
  }
}
