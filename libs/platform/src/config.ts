import 'reflect-metadata';
import { validateSync, type ValidationError } from 'class-validator';
import { ProblemError } from '@app/protocol';

/** A configuration class: no constructor arguments, one property per variable, defaults as initialisers. */
export type ConfigClass<T extends object> = new () => T;

/** The variables of a process, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

interface VariableRow {
  readonly property: string;
  readonly variable: string;
  readonly help: string;
}

const variablesKey = Symbol('variables');

/**
 * Makes a property of a configuration class settable by the variable of its name: `metricsPort` by METRICS_PORT. The
 * help is a short text for the table that `--help` prints. The default value decides whether the variable is a number,
 * a boolean or a comma-separated list. Without a default, the declared type decides.
 */
export function Variable(help: string): PropertyDecorator {
  return (target, property) => {
    const name = String(property);
    const rows = [...rowsOf(target), { property: name, variable: variableName(name), help }];
    Reflect.defineMetadata(variablesKey, rows, target);
  };
}

/**
 * Reads a configuration class from variables and freezes it. An unset or empty variable keeps the default. Throws
 * `config_invalid`. Its detail names every wrong variable and the rule that it breaks, and never its value.
 */
export function loadConfig<T extends object>(type: ConfigClass<T>, environment: Environment): Readonly<T> {
  const config = new type();
  const rows = rowsOf(type.prototype as object);
  for (const { property, variable } of rows) {
    const text = environment[variable]?.trim();
    if (text) Reflect.set(config, property, converted(text, shapeOf(config, property)));
  }
  const errors = validateSync(config, { validationError: { value: false, target: false }, forbidUnknownValues: false });
  if (errors.length > 0) {
    const detail = errors.flatMap((error) => brokenRules(config, error)).join('; ');
    throw new ProblemError('config_invalid', { detail: `${detail}.` });
  }
  for (const value of Object.values(config)) if (Array.isArray(value)) Object.freeze(value);
  return Object.freeze(config);
}

/** A table of the variables of a configuration class, with their defaults and help, for `--help`. */
export function describeConfig<T extends object>(type: ConfigClass<T>): string {
  const defaults = new type();
  const rows = rowsOf(type.prototype as object).map(({ property, variable, help }) => {
    const value = Reflect.get(defaults, property) as string | number | boolean | string[] | undefined;
    const shown = value === undefined ? '' : String(value);
    return [variable, shown || '-', help] as const;
  });
  const width = (column: 0 | 1): number => Math.max(...rows.map((row) => row[column].length));
  const [first, second] = [width(0), width(1)];
  return rows.map(([name, value, help]) => `  ${name.padEnd(first)}  ${value.padEnd(second)}  ${help}`).join('\n');
}

/** The variable of a property: METRICS_PORT for `metricsPort`. */
const variableName = (property: string): string => property.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase();

type Shape = 'text' | 'number' | 'boolean' | 'list';

function shapeOf(config: object, property: string): Shape {
  const value: unknown = Reflect.get(config, property);
  const declared: unknown = Reflect.getMetadata('design:type', config, property);
  if (Array.isArray(value) || declared === Array) return 'list';
  if (typeof value === 'number' || declared === Number) return 'number';
  if (typeof value === 'boolean' || declared === Boolean) return 'boolean';
  return 'text';
}

const words: Readonly<Record<string, boolean>> = {
  true: true,
  on: true,
  yes: true,
  1: true,
  false: false,
  off: false,
  no: false,
  0: false,
};

/** Text that cannot be converted stays text, so that the validator names the broken rule. */
function converted(text: string, shape: Shape): unknown {
  switch (shape) {
    case 'text':
      return text;
    case 'number':
      return Number.isNaN(Number(text)) ? text : Number(text);
    case 'boolean':
      return words[text.toLowerCase()] ?? text;
    case 'list':
      return text
        .split(',')
        .map((item) => item.trim())
        .filter(Boolean);
  }
}

function brokenRules(config: object, error: ValidationError): string[] {
  const variable = variableName(error.property);
  if (Reflect.get(config, error.property) === undefined) return [`${variable} must be set`];
  return Object.values(error.constraints ?? {}).map((rule) => rule.replace(error.property, variable));
}

const rowsOf = (target: object): readonly VariableRow[] =>
  (Reflect.getMetadata(variablesKey, target) as readonly VariableRow[] | undefined) ?? [];
