import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { lineageOf, parseContainerfile, type Containerfile, type Stage } from '../../../support/containerfile';
import { root } from '../rendered';

/** The folder of an image's files as its Containerfile makes it, but on this machine's system and with the packages of this machine to compile the apps. */
export class ImageTrees {
  readonly folder = mkdtempSync(join(tmpdir(), 'antiphon-images-'));
  private readonly installed = new Map<string, string>();

  constructor() {
    chmodSync(this.folder, 0o755);
    // The machine's own may lie where only its owner may go.
    copyFileSync(process.execPath, this.node);
  }

  /** The Node that the trees are started with. */
  get node(): string {
    return join(this.folder, 'node');
  }

  /** What a target of `images/APP.Containerfile` has in /app: the packages installed as the file says, and the built app. */
  assemble(app: string, target?: string): string {
    const file = parseContainerfile(readFileSync(join(root, 'images', `${app}.Containerfile`), 'utf8'));
    const tree = join(this.folder, app);
    for (const stage of lineageOf(file, target ?? file.stages.at(-1)?.name ?? '')) {
      for (const { keyword, flags, text } of stage.instructions) {
        if (keyword !== 'COPY') continue;
        const from = flags.find((flag) => flag.startsWith('from='))?.slice('from='.length);
        const [to = '', ...sources] = text.split(/\s+/).reverse();
        for (const source of sources.reverse()) this.copy(this.sourceOf(file, app, from, source), tree, to, from);
      }
    }
    return tree;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private copy(source: string, tree: string, to: string, from: string | undefined): void {
    const target = from === undefined && to.endsWith('/') ? join(tree, to, basename(source)) : join(tree, to);
    mkdirSync(join(target, '..'), { recursive: true });
    cpSync(source, target, { recursive: true, verbatimSymlinks: true });
  }

  private sourceOf(file: Containerfile, app: string, from: string | undefined, path: string): string {
    if (from === undefined) return join(root, path);
    if (path === '/app/node_modules') return this.install(lineageOf(file, from));
    if (path === '/app/dist') return join(this.build(app, lineageOf(file, from)), 'dist');
    throw new Error(`COPY --from=${from} ${path}: not known here`);
  }

  /** Does what the stages say to compile an app, with this machine's packages instead of newly installed ones. */
  private build(app: string, stages: readonly Stage[]): string {
    const work = join(this.folder, `${app}.build`);
    if (existsSync(work)) return work;
    mkdirSync(work);
    symlinkSync(join(root, 'node_modules'), join(work, 'node_modules'));
    for (const { keyword, text } of stages.flatMap(({ instructions }) => instructions)) {
      if (keyword === 'RUN' && !/\bnpm ci\b/.test(text))
        execFileSync('sh', ['-c', text], { cwd: work, stdio: 'inherit' });
      if (keyword !== 'COPY') continue;
      const [to = '', ...sources] = text.split(/\s+/).reverse();
      for (const source of sources)
        cpSync(join(root, source), join(work, to === './' ? source : to), { recursive: true });
    }
    return work;
  }

  /** Does what the stages say to install packages, once for stages that say the same. */
  private install(stages: readonly Stage[]): string {
    const steps = stages.flatMap(({ instructions }) =>
      instructions.filter(({ keyword }) => /^(COPY|RUN)$/.test(keyword)),
    );
    const key = JSON.stringify(steps);
    const known = this.installed.get(key);
    if (known !== undefined) return known;
    const work = join(this.folder, `packages-${this.installed.size}`);
    mkdirSync(work);
    for (const { keyword, text } of steps) {
      if (keyword === 'RUN') execFileSync('sh', ['-c', text], { cwd: work, stdio: ['ignore', 'ignore', 'inherit'] });
      else for (const name of text.split(/\s+/).slice(0, -1)) copyFileSync(join(root, name), join(work, name));
    }
    this.installed.set(key, join(work, 'node_modules'));
    return join(work, 'node_modules');
  }
}
