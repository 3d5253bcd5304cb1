/** Sample rate in hertz of all audio that is sent to STT workers and recognised. */
export const sttSampleRateHz = 16_000;
