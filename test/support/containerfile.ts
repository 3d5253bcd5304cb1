/** One instruction of a stage: `COPY --from=build a b` is keyword COPY, flags `from=build`, text `a b`. */
export interface Instruction {
  readonly keyword: string;
  readonly flags: readonly string[];
  readonly text: string;
}

/** A stage: its name (its number where it has none), what it starts from, and its instructions. */
export interface Stage {
  readonly name: string;
  readonly base: string;
  readonly instructions: readonly Instruction[];
}

/** What a Containerfile says: the ARGs before its first stage, and the stages in order. */
export interface Containerfile {
  readonly args: ReadonlyMap<string, string>;
  readonly stages: readonly Stage[];
}

/** Reads a Containerfile of this repository: no here-documents, no escape directive. Throws on an instruction it cannot read. */
export function parseContainerfile(content: string): Containerfile {
  const args = new Map<string, string>();
  const stages: { name: string; base: string; instructions: Instruction[] }[] = [];
  for (const instruction of instructionsOf(content)) {
    const stage = stages.at(-1);
    if (instruction.keyword === 'FROM') {
      const [base = '', as, name] = instruction.text.split(/\s+/);
      stages.push({ name: as === undefined ? String(stages.length) : (name ?? ''), base, instructions: [] });
    } else if (stage) stage.instructions.push(instruction);
    else if (instruction.keyword === 'ARG') args.set(...variableOf(instruction));
    else throw new Error(`${instruction.keyword} before the first stage`);
  }
  return { args, stages };
}

/** Name and default of an ARG; the default is empty where there is none. */
export function variableOf({ text }: Instruction): [string, string] {
  const [name = '', value = ''] = text.split(/=(.*)/s);
  return [name, value.replace(/^"(.*)"$/s, '$1')];
}

/** The stages that a stage is made of, from the one on a base image to itself. */
export function lineageOf(file: Containerfile, name: string): Stage[] {
  const stage = file.stages.find((one) => one.name === name);
  return stage ? [...lineageOf(file, stage.base), stage] : [];
}

function instructionsOf(content: string): Instruction[] {
  const lines = content.split('\n').filter((line) => !/^\s*(#|$)/.test(line));
  return lines
    .join('\n')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .map((line) => {
      const [, keyword, flags, text] = /^([A-Z]+)((?:\s+--\S+)*)\s+(.+)$/.exec(line) ?? [];
      if (keyword === undefined || text === undefined) throw new Error(`not an instruction: ${line}`);
      return { keyword, flags: flags?.match(/(?<=--)\S+/g) ?? [], text };
    });
}
