/** Chosen around the target of 40 ms to the first audio and the delays that a person notices. */
export const firstAudioBucketsSeconds = [0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2, 5, 10];

/** Chosen around the target of 5 ms. */
export const overheadBucketsSeconds = [
  0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.008, 0.01, 0.015, 0.025, 0.05, 0.1, 0.5,
];

/** From an idle worker that claims at once to a node that boots within the wait budget. */
export const queueWaitBucketsSeconds = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

/** From a process that starts at once to a new node that has to be provisioned and has to pull an image. */
export const wakeBucketsSeconds = [1, 2, 4, 8, 15, 30, 60, 120, 300, 600];
