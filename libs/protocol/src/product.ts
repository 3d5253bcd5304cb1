/** The product's name in greetings and user agents. In lower case, it is part of every name on NATS. */
export const productName = 'Antiphon';

/** The version in every app, tool and wire message. */
export const productVersion = '0.1.0';

/** First token of all our subjects, JetStream streams, buckets and metrics. */
export const namePrefix = 'antiphon';
