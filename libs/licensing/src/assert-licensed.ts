import { ProblemError } from '@app/protocol';
import { refusalCode } from './forecast';
import { licenseInForce, serviceState, timeUsedMs, type ServiceFacts } from './service-state';
import type { License } from './license-document';

/** What a request wants to use. */
export interface LicensedUse {
  readonly feature: string;
  /** Not checked where the request names none. */
  readonly model?: string | undefined;
}

/**
 * The licence under which a request may run. Throws a 402 with the code of the refusal where the service is refused, and
 * `feature_not_licensed` or `model_not_licensed` where the licence does not name what the request wants.
 */
export function assertLicensed(facts: ServiceFacts, { feature, model }: LicensedUse): License {
  const code = refusalCode(serviceState(facts));
  const license = licenseInForce(facts.licenses, timeUsedMs(facts));
  if (code !== undefined || !license) throw new ProblemError(code ?? 'license_missing');
  if (!license.features.includes(feature)) throw new ProblemError('feature_not_licensed');
  if (model !== undefined && license.models && !license.models.includes(model)) {
    throw new ProblemError('model_not_licensed');
  }
  return license;
}
