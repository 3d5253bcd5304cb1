import { parseArgs } from 'node:util';
import { defaultLanes, loadManifest } from '@app/artifacts';
import { laneFunction, laneName, type Lane } from '@app/protocol';
import { drawingOf, mermaidOf } from './graph/drawing';
import { generatedFiles, jetStreamJson, staleOf, svgOf, writeAll } from './graph/generated';
import { lanesYaml } from './graph/lane-values';
import { tableLines } from './table';

const help = `npm run graph                  print the functions and their lanes as a table
npm run graph -- FORM          print them in another format: mermaid, svg, jetstream (JSON), values (YAML of the charts)
npm run graph -- --write       write the generated files: docs/function-graph.md and .svg, knative/jetstream.json,
                               and the lanes in the values of both charts
npm run graph -- --check       fail if --write would change files, and name them
npm run graph -- --help        print this text`;

const forms: Readonly<Record<string, (lanes: readonly Lane[]) => string | Promise<string>>> = {
  mermaid: (lanes) => mermaidOf(drawingOf(lanes)),
  svg: svgOf,
  jetstream: jetStreamJson,
  values: lanesYaml,
};

/** `npm run graph`: see `help`. Resolves to the exit code. */
export async function main(args: readonly string[], root: string): Promise<number> {
  let parsed;
  try {
    parsed = parse(args);
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${help}`);
    return 1;
  }
  const { values, form } = parsed;
  const lanes = defaultLanes(loadManifest());
  if (values.help) console.log(help);
  else if (values.write || values.check) return generate(root, lanes, values.write);
  else process.stdout.write(form ? await form(lanes) : table(lanes));
  return 0;
}

function parse(args: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      write: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const [name, ...rest] = positionals;
  const form = name !== undefined && Object.hasOwn(forms, name) ? forms[name] : undefined;
  if (rest.length > 0 || (name !== undefined && !form))
    throw new RangeError(`There is no form "${positionals.join(' ')}".`);
  if ([form, values.write, values.check].filter(Boolean).length > 1)
    throw new RangeError('FORM, --write and --check are one at a time.');
  return { values, form };
}

async function generate(root: string, lanes: readonly Lane[], write: boolean): Promise<number> {
  const stale = staleOf(root, await generatedFiles(root, lanes));
  if (write) writeAll(root, stale);
  for (const { path } of stale) console.log(`${write ? 'written' : 'not as the graph has it'}: ${path}`);
  if (stale.length === 0) console.log('Everything is as the graph has it.');
  else if (!write) console.log('Write them with: npm run graph -- --write');
  return stale.length > 0 && !write ? 1 : 0;
}

function table(lanes: readonly Lane[]): string {
  const rows = lanes.map((lane) => {
    const { dispatch, classes, seats, headroom, scale, wantsGpu } = laneFunction(lane);
    const budgets = classes.map(({ name, waitBudgetMs }) => `${name} ${waitBudgetMs / 1_000} s`).join(', ');
    const workers = `${scale.min} to ${scale.max}${wantsGpu ? ', GPU' : ''}`;
    return [laneName(lane), dispatch, budgets, String(seats), String(headroom), workers];
  });
  const headings = ['lane', 'dispatch', 'job classes and how long they wait', 'seats', 'headroom', 'workers'];
  return tableLines([headings, ...rows]).join('\n') + '\n';
}
