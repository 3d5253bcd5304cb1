/** Buckets for internal steps and waits, from negligible times to those that indicate a fault. */
export const stageBucketsSeconds = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.2, 2.5, 5, 10];

/** The license app should need well under 1 ms for an authorisation. Over the network it should take about 1 ms. */
export const authorizeBucketsSeconds = [0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.05, 0.25, 1];
