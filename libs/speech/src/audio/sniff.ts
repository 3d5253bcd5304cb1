/** The container format of an audio file. */
export type AudioContainer = 'wav' | 'mp3' | 'flac' | 'ogg' | 'mp4' | 'webm' | 'raw-or-unknown';

/**
 * Detects the container format from the first bytes. 32 bytes are enough. For mp3 a few hundred bytes give a more
 * certain answer.
 */
export function sniffAudio(bytes: Uint8Array): AudioContainer {
  const head = Buffer.from(bytes.subarray(0, 12)).toString('latin1');
  if (head.startsWith('RIFF') && head.slice(8) === 'WAVE') return 'wav';
  if (head.startsWith('fLaC')) return 'flac';
  if (head.startsWith('OggS')) return 'ogg';
  if (head.slice(4, 8) === 'ftyp') return 'mp4';
  if (head.startsWith('\x1a\x45\xdf\xa3')) return 'webm';
  if (head.startsWith('ID3') || startsWithMp3Frames(bytes)) return 'mp3';
  return 'raw-or-unknown';
}

const kilobits = {
  mpeg1: [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  mpeg2: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
};
const mpeg1RatesHz = [44_100, 48_000, 32_000];

/** Samples can look like one frame header by chance. The second header is therefore checked too if it is there. */
function startsWithMp3Frames(bytes: Uint8Array): boolean {
  const frameBytes = mp3FrameBytes(bytes, 0);
  if (frameBytes === undefined) return false;
  return frameBytes + 4 > bytes.length || mp3FrameBytes(bytes, frameBytes) !== undefined;
}

/** The length in bytes of the MPEG audio layer III frame at this position, or undefined if there is none. */
function mp3FrameBytes(bytes: Uint8Array, at: number): number | undefined {
  const [first = 0, second = 0, third = 0] = bytes.subarray(at, at + 3);
  const version = (second >> 3) & 3;
  if (first !== 0xff || (second & 0xe6) !== 0xe2 || version === 1) return undefined;
  const bitRate = (version === 3 ? kilobits.mpeg1 : kilobits.mpeg2)[third >> 4];
  const mpeg1RateHz = mpeg1RatesHz[(third >> 2) & 3];
  if (!bitRate || !mpeg1RateHz) return undefined;
  const rateHz = version === 3 ? mpeg1RateHz : version === 2 ? mpeg1RateHz / 2 : mpeg1RateHz / 4;
  return Math.floor(((version === 3 ? 144_000 : 72_000) * bitRate) / rateHz) + ((third >> 1) & 1);
}
