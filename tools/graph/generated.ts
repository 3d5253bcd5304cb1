import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { instance } from '@viz-js/viz';
import { laneDefinition } from '@app/broker';
import type { Lane } from '@app/protocol';
import { dotOf, drawingOf, mermaidOf } from './drawing';
import { lanesYaml } from './lane-values';

/** A file, or the part of one between two marks, that is made from the function graph. */
export interface Generated {
  /** Relative to the repository. */
  readonly path: string;
  /** What the file would be with the part made anew. */
  readonly content: string;
}

const begin =
  '  # graph:begin (made by `npm run graph -- --write`; set fields of a lane anew in a values file of yours)';
const end = '  # graph:end';

/** The JetStream definitions of the lanes, as its API takes them. */
export const jetStreamJson = (lanes: readonly Lane[]): string =>
  JSON.stringify(lanes.map(laneDefinition), undefined, 2) + '\n';

/** The picture as SVG. */
export async function svgOf(lanes: readonly Lane[]): Promise<string> {
  return (await instance()).renderString(dotOf(drawingOf(lanes)), { format: 'svg' });
}

/** Every file that the graph makes, as it should be. */
export async function generatedFiles(root: string, lanes: readonly Lane[]): Promise<Generated[]> {
  const values = ['knative/values.yaml', 'keda/values.yaml'].map((path) => ({
    path,
    content: withPart(readFileSync(join(root, path), 'utf8'), lanesYaml(lanes)),
  }));
  return [
    ...values,
    { path: 'knative/jetstream.json', content: jetStreamJson(lanes) },
    { path: 'docs/function-graph.svg', content: await svgOf(lanes) },
    { path: 'docs/function-graph.md', content: page(lanes) },
  ];
}

/** Those whose content differs on the disk. */
export function staleOf(root: string, files: readonly Generated[]): Generated[] {
  return files.filter(({ path, content }) => contentOf(join(root, path)) !== content);
}

export function writeAll(root: string, files: readonly Generated[]): void {
  for (const { path, content } of files) writeFileSync(join(root, path), content);
}

function withPart(text: string, part: string): string {
  const from = text.indexOf('  # graph:begin');
  const to = text.indexOf(end, from);
  if (from < 0 || to < 0) throw new RangeError('a values file lacks its graph:begin and graph:end lines');
  return `${text.slice(0, from)}${begin}\n${part}${text.slice(to)}`;
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

const page = (lanes: readonly Lane[]): string => `# The function graph

\`npm run graph -- --write\` generates this page from \`libs/protocol/src/functions\`. To add a
function, see \`docs/new-endpoint.md\`. The same graph as a picture:
[function-graph.svg](function-graph.svg).

The apps create the JetStream streams and consumers of the lanes themselves.
\`knative/jetstream.json\` lists them in the format of the JetStream API. Use it to check them, or to
create them yourself.

\`\`\`mermaid
${mermaidOf(drawingOf(lanes))}\`\`\`
`;
