/** The product's name, in one place: in greetings, user agents and, in lower case, in every name on the bus. */
export const productName = 'Antiphon';

/** The version every app, tool and wire message states. */
export const productVersion = '0.1.0';

/** First token of every subject, JetStream stream, bucket and metric of ours. */
export const namePrefix = 'antiphon';
