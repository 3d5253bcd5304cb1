import { builtinModel } from '@app/protocol';
import { assertModelLicensed } from './licensed-model';

it.each([
  [['piper'], 'piper', undefined],
  [['piper'], 'kokoro', 'model_not_licensed'],
  [undefined, 'kokoro', undefined],
  // A function without a model of its own needs no name in the licence: its feature is licensed.
  [['piper'], builtinModel, undefined],
])('with a licence for %j, %s is refused as %s', (models, model, code) => {
  const check = (): void => assertModelLicensed({ models }, model);
  if (code === undefined) expect(check).not.toThrow();
  else expect(check).toThrow(code);
});
