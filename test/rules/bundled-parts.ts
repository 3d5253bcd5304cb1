import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const binary = /\.(node|so|so\.[\d.]+|dylib|dll|wasm|onnx|bin|a|exe)$/;
const script = /\.(c|m)?js$/;
/** WebAssembly as base64, as a list of its bytes, as yEnc or as it is, or anything gzipped, longer than a test vector. */
const embedded = /(AGFzbQ|H4sI)[A-Za-z0-9+/]{200}|\b0,\s*97,\s*115,\s*109,|dynEncode0|\0asm/;

/** Files of an installed package that are or carry machine code, WebAssembly, compressed programs or models. */
export function bundledParts(packageFolder: string): string[] {
  return filesOf(packageFolder, '').filter(
    (file) =>
      binary.test(file) || (script.test(file) && embedded.test(readFileSync(join(packageFolder, file), 'utf8'))),
  );
}

function filesOf(folder: string, below: string): string[] {
  return readdirSync(join(folder, below), { withFileTypes: true }).flatMap((entry) => {
    const path = join(below, entry.name);
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : filesOf(folder, path);
    return entry.isFile() ? [path] : [];
  });
}
