import { chmodSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { goModules } from '../../tools/cluster/parts';

/** A checkout in small for `npm run test:cluster`, a cache of its own, and a Go that only answers what it is asked. */
export class ClusterCheckout {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'antiphon-cluster-')));
  /** For the process under test. */
  readonly env = {
    PATH: `${join(this.folder, 'bin')}:${process.env.PATH}`,
    ANTIPHON_CLUSTER_CACHE: join(this.folder, 'cache'),
  };

  constructor() {
    for (const { name } of goModules) {
      this.write(`test/cluster/go/${name}/go.mod`, `module antiphon/${name}\n\ngo 1.26.0\n`);
    }
    for (const { module, folder } of goModules.flatMap(({ shared }) => shared)) {
      this.write(`shipped/${folder}/${module.split('/').at(-1)}.yaml`, module);
    }
    this.write('shipped/config/core/a.yaml', 'a');
    this.writeGo(`if [ "$1" = env ]; then echo go1.26.8; else echo '{"Dir":"${join(this.folder, 'shipped')}"}'; fi`);
  }

  /** What `go` does, as a shell script. */
  writeGo(script: string): void {
    this.write('bin/go', `#!/bin/sh\n${script}\n`);
    chmodSync(join(this.folder, 'bin/go'), 0o755);
  }

  write(path: string, content: string): void {
    mkdirSync(dirname(join(this.folder, path)), { recursive: true });
    writeFileSync(join(this.folder, path), content);
  }

  read(path: string): string {
    return readFileSync(join(this.folder, path), 'utf8');
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}
