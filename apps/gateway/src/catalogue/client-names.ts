import { sttFunction, ttsFunction, type JobKind } from '@app/protocol';

/**
 * Model names that are built into client libraries, as a pattern for each function. They select the first model on
 * offer.
 */
export const builtInModelNames: ReadonlyMap<JobKind, string> = new Map<JobKind, string>([
  [ttsFunction.kind, 'sonic*'],
  [sttFunction.kind, 'ink*'],
]);

/** Voice ids that are built into client libraries. They select the first voice on offer. */
export const builtInVoiceIds: readonly string[] = [
  'f786b574-daa5-4673-aa0c-cbe3e8534c02',
  '6ccbfb76-1fc6-48f7-b71d-91ac6298247b',
  'a0e99841-438c-4a64-b679-ae501e7d6091',
  'e07c00bc-4134-4eae-9ea4-1a55fb45746b',
  'bf0a246a-8642-498a-9950-80c35e9276b5',
];
