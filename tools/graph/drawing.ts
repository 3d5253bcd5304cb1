import { jetStreamName, laneClasses, laneFunction, laneName, type Dispatch, type Lane } from '@app/protocol';
import { laneKey } from './lane-values';

interface Node {
  readonly id: string;
  readonly label: string;
  readonly shape: 'app' | 'lane' | 'worker' | 'outside';
}

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly label: string;
}

/** The function graph as nodes and edges, from which every picture is drawn. */
export interface Drawing {
  readonly nodes: readonly Node[];
  readonly edges: readonly Edge[];
}

/** Apps, lanes and workers of a deployment, and what goes between them; dispatched as the graph says unless told otherwise. */
export function drawingOf(
  lanes: readonly Lane[],
  dispatchOf: (lane: Lane) => Dispatch = (lane) => laneFunction(lane).dispatch,
): Drawing {
  const parts = lanes.map((lane) => laneDrawing(lane, dispatchOf(lane)));
  const nodes: Node[] = [
    { id: 'clients', label: 'clients', shape: 'outside' },
    { id: 'gateway', label: 'gateway', shape: 'app' },
    { id: 'license', label: 'license', shape: 'app' },
    ...parts.flatMap((part) => part.nodes),
  ];
  const edges = [
    { from: 'clients', to: 'gateway', label: 'HTTP, WebSocket' },
    { from: 'gateway', to: 'license', label: 'authorize' },
    ...parts.flatMap((part) => part.edges),
  ];
  return { nodes: [...new Map(nodes.map((node) => [node.id, node])).values()], edges };
}

function laneDrawing(lane: Lane, dispatch: Dispatch): Drawing {
  const { seats, scale, wantsGpu } = laneFunction(lane);
  const size = `${seats} seats${wantsGpu ? ', GPU' : ''}`;
  if (dispatch === 'request') {
    return {
      nodes: [{ id: 'inference', label: 'inference\n(Knative, by concurrency)', shape: 'worker' }],
      edges: [{ from: 'gateway', to: 'inference', label: `POST ${laneName(lane)}, ${size}` }],
    };
  }
  const id = laneKey(lane);
  const worker = {
    id: `worker-${id}`,
    label: `worker-${id}\n${size}\n${scale.min} to ${scale.max}`,
    shape: 'worker' as const,
  };
  return {
    nodes: [{ id, label: `${laneName(lane)}\n${jetStreamName(lane)}`, shape: 'lane' }, worker],
    edges: [
      ...laneClasses(lane).map((jobClass) => ({ from: 'gateway', to: id, label: jobClass })),
      { from: id, to: worker.id, label: 'pulled; KEDA scales on lag' },
    ],
  };
}

/** For Markdown: a Mermaid flow chart. */
export function mermaidOf({ nodes, edges }: Drawing): string {
  const brackets = { app: ['[', ']'], lane: ['[(', ')]'], worker: ['[[', ']]'], outside: ['([', '])'] } as const;
  const boxes = nodes.map(({ id, label, shape }) => {
    const [open, close] = brackets[shape];
    return `  ${id}${open}"${label.replaceAll('\n', '<br>')}"${close}`;
  });
  const arrows = edges.map(({ from, to, label }) => `  ${from} -- "${label}" --> ${to}`);
  return ['flowchart LR', ...boxes, ...arrows].join('\n') + '\n';
}

/** For Graphviz. */
export function dotOf({ nodes, edges }: Drawing): string {
  const shapes = { app: 'box', lane: 'cylinder', worker: 'box3d', outside: 'oval' } as const;
  const boxes = nodes.map(
    ({ id, label, shape }) => `  ${quoted(id)} [label=${quoted(label)}, shape=${shapes[shape]}];`,
  );
  const arrows = edges.map(({ from, to, label }) => `  ${quoted(from)} -> ${quoted(to)} [label=${quoted(label)}];`);
  const style = '  rankdir=LR; node [fontname="Helvetica", fontsize=11]; edge [fontname="Helvetica", fontsize=10];';
  return ['digraph antiphon {', style, ...boxes, ...arrows, '}'].join('\n') + '\n';
}

const quoted = (text: string): string => JSON.stringify(text);
