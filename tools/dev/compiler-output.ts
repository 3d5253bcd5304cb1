/** What a person or the stack has to know of what the watching compiler says. */
export interface CompilerListener {
  /** The code was changed and compiles: not called for the compilation that the compiler begins with. */
  onChanged(): void;
  /** A line of an error. */
  onError(line: string): void;
}

const compiled = /Found (\d+) errors?\. Watching for file changes/;
const progress = /Starting compilation in watch mode|File change detected/;

/** Answers with a function that takes the compiler's output line by line. */
export function readCompilerOutput(listener: CompilerListener): (line: string) => void {
  let first = true;
  return (line) => {
    const [, errors] = compiled.exec(line) ?? [];
    if (errors === undefined) {
      if (line.trim() !== '' && !progress.test(line)) listener.onError(line);
      return;
    }
    if (!first && errors === '0') listener.onChanged();
    first = false;
  };
}
