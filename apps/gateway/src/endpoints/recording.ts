import type {} from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { maxJobBodyBytes } from '@app/broker';
import { ProblemError } from '@app/protocol';
import { readWav } from '@app/speech/audio';
import { noUse, type Use } from '../usage/usage-record';

/**
 * Reads the recording of a request: its whole body (`audio/*`, `application/octet-stream`) or the file of its form.
 * Throws `media_type_not_supported`, `bad_request` if there is none or it is empty, `too_large` if it does not fit into
 * a job.
 */
export async function recordingIn(request: FastifyRequest): Promise<Uint8Array> {
  const bytes: unknown = request.isMultipart() ? await fileIn(request) : (request.body ?? Buffer.alloc(0));
  if (!Buffer.isBuffer(bytes)) {
    const detail = 'Send the recording as the body with content-type audio/wav, or as the file of a form.';
    throw new ProblemError('media_type_not_supported', { detail });
  }
  if (bytes.length > maxJobBodyBytes) throw tooLarge();
  if (bytes.length === 0) throw new ProblemError('bad_request', { detail: 'The request has no recording in it.' });
  return bytes;
}

/** The samples of a recording in WAV, at its own sample rate. Nothing for any other recording. */
export function useOfRecording(bytes: Uint8Array): Use {
  try {
    const { samples, sampleRateHz } = readWav(bytes);
    return { ...noUse, audioSamples: samples.length, sampleRateHz };
  } catch {
    return noUse;
  }
}

async function fileIn(request: FastifyRequest): Promise<Buffer> {
  try {
    const part = await request.file({ limits: { fileSize: maxJobBodyBytes, files: 1 } });
    return (await part?.toBuffer()) ?? Buffer.alloc(0);
  } catch (error) {
    if (error instanceof ProblemError) throw error;
    if ((error as { statusCode?: number }).statusCode === 413) throw tooLarge(error);
    throw new ProblemError('bad_request', { detail: 'The form could not be read to its end.', cause: error });
  }
}

function tooLarge(cause?: unknown): ProblemError {
  const seconds = Math.floor(maxJobBodyBytes / 32_000);
  const detail = `The recording is too large: send at most ${maxJobBodyBytes} bytes, ${seconds} s of 16-bit mono at 16 kHz, or send it in parts.`;
  return new ProblemError('too_large', { detail, cause });
}
