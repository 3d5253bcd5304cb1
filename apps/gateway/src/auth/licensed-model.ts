import { builtinModel, ProblemError } from '@app/protocol';

/** The models that a licence names; all models if absent. */
export interface LicensedModels {
  readonly models?: readonly string[] | undefined;
}

/**
 * Throws `model_not_licensed` if the licence names models and not this one. A function without a model of its own
 * (`builtin`) needs its feature only. For work whose model is read after its
 * admission, so the license app need not be asked again.
 */
export function assertModelLicensed({ models }: LicensedModels, model: string): void {
  if (model !== builtinModel && models && !models.includes(model)) throw new ProblemError('model_not_licensed');
}
