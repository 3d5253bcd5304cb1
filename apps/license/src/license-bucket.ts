/** The JetStream key/value bucket of what the license processes of a deployment share. */
export const licenseBucket = 'antiphon-license';
