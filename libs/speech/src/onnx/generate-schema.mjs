// @ts-check
/** Writes schema.ts from onnx.proto, so that the schema travels with the compiled code. Run: node libs/speech/src/onnx/generate-schema.mjs */
import { readFileSync, writeFileSync } from 'node:fs';
import prettier from 'prettier';
import protobuf from 'protobufjs';

const target = new URL('./schema.ts', import.meta.url);
const { root } = protobuf.parse(readFileSync(new URL('./onnx.proto', import.meta.url), 'utf8'));
/** @param {string} key @param {unknown} value */
const withoutProtoName = (key, value) => (key === 'protoName' ? undefined : value);
const source = `// Generated from onnx.proto by generate-schema.mjs.
import type { INamespace } from 'protobufjs/light';

/** The ONNX schema (Apache-2.0, the ONNX project) in protobufjs' JSON form. */
export const onnxSchema: INamespace = ${JSON.stringify(root.toJSON(), withoutProtoName)};
`;
const options = await prettier.resolveConfig(target.pathname);
writeFileSync(target, await prettier.format(source, { ...options, parser: 'typescript' }));
