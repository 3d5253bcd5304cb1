import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const folder = join(__dirname, '../../knative/observability');

/** A recording rule or an alerting rule, as its file has it. */
export interface RuleRow {
  readonly file: string;
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A test file of promtool. */
export interface RuleTests {
  readonly file: string;
  readonly tests: readonly {
    readonly alert_rule_test?: readonly { readonly alertname: string; readonly exp_alerts: readonly unknown[] }[];
    readonly promql_expr_test?: readonly { readonly expr: string; readonly exp_samples: readonly unknown[] }[];
  }[];
}

/** A panel of Grafana; rows have no targets. */
export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly type: string; readonly uid: string };
  readonly targets?: readonly { readonly refId: string; readonly expr: string; readonly legendFormat: string }[];
}

/** A dashboard in Grafana's classic JSON. */
export interface Dashboard {
  readonly file: string;
  readonly uid: string;
  readonly title: string;
  readonly schemaVersion: number;
  readonly templating: { readonly list: readonly { name: string; query: string | { query: string } }[] };
  readonly annotations: { readonly list: readonly { expr: string }[] };
  readonly panels: readonly Panel[];
}

/** An expression, and where it stands. */
export interface PlacedExpression {
  readonly place: string;
  readonly expr: string;
}

function filesOf<T>(subfolder: string, ending: string): (T & { file: string })[] {
  return readdirSync(join(folder, subfolder))
    .filter((name) => name.endsWith(ending))
    .map((file) => ({ ...(parse(readFileSync(join(folder, subfolder, file), 'utf8')) as T), file }));
}

/** All rules, in the order of their files. */
export const ruleRows = (): RuleRow[] =>
  filesOf<{ groups: { rules: Omit<RuleRow, 'file'>[] }[] }>('rules', '.yaml').flatMap(({ file, groups }) =>
    groups.flatMap(({ rules }) => rules.map((rule) => ({ ...rule, file }))),
  );

/** The test files of promtool. */
export const ruleTests = (): RuleTests[] => filesOf<RuleTests>('rules/tests', '.yaml');

/** Paths of rule files, or of their tests. */
export const rulePaths = (of: 'rules' | 'rules/tests'): string[] =>
  readdirSync(join(folder, of))
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => join(folder, of, name));

export const dashboards = (): Dashboard[] => filesOf<Dashboard>('dashboards', '.json');

/** Every expression of rules and dashboards: panels, variables and annotations. */
export function allExpressions(): PlacedExpression[] {
  const ofRules = ruleRows().map(({ file, record, alert, expr }) => ({ place: `${file}: ${record ?? alert}`, expr }));
  const ofDashboards = dashboards().flatMap(({ file, panels, templating, annotations }) => [
    ...panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ place: `${file}: ${title}`, expr }))),
    ...annotations.list.map(({ expr }) => ({ place: `${file}: annotation`, expr })),
    ...templating.list.flatMap(({ name, query }) => {
      const selector = /^label_values\((.+), \w+\)$/.exec(typeof query === 'string' ? query : query.query)?.[1];
      return selector === undefined ? [] : [{ place: `${file}: variable ${name}`, expr: selector }];
    }),
  ]);
  return [...ofRules, ...ofDashboards];
}
