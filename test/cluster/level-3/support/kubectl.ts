import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { binary } from '../../support/binaries';

const execute = promisify(execFile);
const outputAtMost = 64 * 1024 * 1024;

/** The command-line client against one API server. */
export class Kubectl {
  constructor(private readonly kubeconfig: string) {}

  /** Resolves to its standard output; rejects with what it complained of. */
  async run(args: readonly string[], input?: string): Promise<string> {
    const options = { env: { ...process.env, KUBECONFIG: this.kubeconfig }, maxBuffer: outputAtMost };
    const running = execute(binary('kubectl'), args, options);
    running.child.stdin?.end(input ?? '');
    return (await running).stdout;
  }

  /** Applies files or, as `-`, the input; refuses fields that the API server does not know. */
  apply(
    files: readonly string[],
    { input, more = [] }: { input?: string; more?: readonly string[] } = {},
  ): Promise<string> {
    return this.run(['apply', '--validate=strict', ...files.flatMap((file) => ['-f', file]), ...more], input);
  }

  /** For definitions too long for the annotation that a plain apply keeps. Resolves when every kind defined so far is served. */
  async applyServerSide(files: readonly string[]): Promise<void> {
    await this.run(['apply', '--server-side', ...files.flatMap((file) => ['-f', file])]);
    await this.run(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']);
  }
}
