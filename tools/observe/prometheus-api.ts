import { errorLine } from '../error-line';

/** One series of an instant query with its value now. */
export interface InstantValue {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A page that is scraped. */
export interface ScrapedTarget {
  readonly labels: Readonly<Record<string, string>>;
  readonly health: 'up' | 'down' | 'unknown';
  readonly lastError: string;
}

/** A rule as it was loaded; `name` is what it records, or the name of the alert. */
export interface LoadedRule {
  readonly name: string;
  readonly type: 'recording' | 'alerting';
  readonly health: 'ok' | 'err' | 'unknown';
  readonly state?: 'inactive' | 'pending' | 'firing';
}

const timeoutMs = 5_000;

/** The `data` of an answer of its HTTP API; an Error with what it said otherwise. */
async function ask<T>(base: string, path: string, query: Readonly<Record<string, string>> = {}): Promise<T> {
  const url = new URL(`/api/v1/${path}`, base);
  url.search = new URLSearchParams(query).toString();
  const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
  const answer = (await response.json()) as { status: string; error?: string; data: T };
  if (answer.status !== 'success') throw new Error(`Prometheus: ${answer.error ?? response.status}`);
  return answer.data;
}

/** Values of an expression now; a scalar is one value without labels. */
export async function query(base: string, expression: string): Promise<InstantValue[]> {
  interface Sample {
    readonly metric: Record<string, string>;
    readonly value: [number, string];
  }
  type Result = { resultType: 'scalar'; result: [number, string] } | { resultType: 'vector'; result: Sample[] };
  const { resultType, result } = await ask<Result>(base, 'query', { query: expression });
  if (resultType === 'scalar') return [{ metric: {}, value: Number(result[1]) }];
  return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
}

/** What it scrapes. */
export async function targets(base: string): Promise<ScrapedTarget[]> {
  const { activeTargets } = await ask<{ activeTargets: ScrapedTarget[] }>(base, 'targets', { state: 'active' });
  return activeTargets;
}

/** The rules it evaluates. */
export async function rules(base: string): Promise<LoadedRule[]> {
  const { groups } = await ask<{ groups: { rules: LoadedRule[] }[] }>(base, 'rules');
  return groups.flatMap((group) => group.rules);
}

/** Names of all metrics it has seen. */
export const metricNames = (base: string): Promise<string[]> => ask<string[]>(base, 'label/__name__/values');

/** How it stands, in a few words. */
export async function summaryOf(base: string): Promise<string> {
  try {
    const [scraped, loaded] = await Promise.all([targets(base), rules(base)]);
    const up = scraped.filter(({ health }) => health === 'up').length;
    const firing = loaded.filter(({ state }) => state === 'firing').map(({ name }) => name);
    return `${up} of ${scraped.length} targets up, ${loaded.length} rules, firing: ${firing.join(', ') || 'none'}`;
  } catch (error) {
    return `not answering: ${errorLine(error)}`;
  }
}
