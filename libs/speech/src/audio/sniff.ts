/** The container format of an audio file. `adts` is AAC without a container. */
export type AudioContainer = 'wav' | 'mp3' | 'flac' | 'ogg' | 'mp4' | 'webm' | 'adts' | 'raw-or-unknown';

/** The first box of an MP4 file. Old QuickTime files have no `ftyp`. */
const mp4Boxes = ['ftyp', 'moov', 'mdat', 'wide', 'styp'];

/**
 * Detects the container format from the first bytes. 32 bytes are enough. For mp3 and ADTS a few hundred bytes give a
 * more certain answer. A file that begins with an ID3 tag is mp3 unless the bytes reach behind the tag and say
 * otherwise.
 */
export function sniffAudio(bytes: Uint8Array): AudioContainer {
  const tagBytes = id3Bytes(bytes);
  if (tagBytes > 0) {
    const behind = sniffAudio(bytes.subarray(tagBytes));
    return behind === 'raw-or-unknown' ? 'mp3' : behind;
  }
  const head = Buffer.from(bytes.subarray(0, 12)).toString('latin1');
  if (/^(RIFF|RF64)[^]{4}WAVE/.test(head)) return 'wav';
  if (head.startsWith('fLaC')) return 'flac';
  if (head.startsWith('OggS')) return 'ogg';
  if (mp4Boxes.includes(head.slice(4, 8))) return 'mp4';
  if (head.startsWith('\x1a\x45\xdf\xa3')) return 'webm';
  if (startsWithFrames(bytes, adtsFrameBytes)) return 'adts';
  if (startsWithFrames(bytes, mp3FrameBytes)) return 'mp3';
  return 'raw-or-unknown';
}

/** The length of the ID3v2 tag at the start, or 0 if there is none. */
function id3Bytes(bytes: Uint8Array): number {
  if (Buffer.from(bytes.subarray(0, 3)).toString('latin1') !== 'ID3') return 0;
  const [a = 0, b = 0, c = 0, d = 0] = bytes.subarray(6, 10);
  return 10 + (((a & 0x7f) << 21) | ((b & 0x7f) << 14) | ((c & 0x7f) << 7) | (d & 0x7f));
}

/** Samples can look like one frame header by chance. The second header is therefore checked too if it is there. */
function startsWithFrames(bytes: Uint8Array, lengthAt: typeof mp3FrameBytes): boolean {
  const frameBytes = lengthAt(bytes, 0);
  if (frameBytes === undefined) return false;
  return frameBytes + 4 > bytes.length || lengthAt(bytes, frameBytes) !== undefined;
}

const kilobits = {
  mpeg1: [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  mpeg2: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
};
const mpeg1RatesHz = [44_100, 48_000, 32_000];

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

/** The length in bytes of the ADTS frame at this position, or undefined if there is none. */
function adtsFrameBytes(bytes: Uint8Array, at: number): number | undefined {
  const [first = 0, second = 0, third = 0, fourth = 0, fifth = 0, sixth = 0] = bytes.subarray(at, at + 6);
  const rateIndex = (third >> 2) & 15;
  const frameBytes = ((fourth & 3) << 11) | (fifth << 3) | (sixth >> 5);
  return first === 0xff && (second & 0xf6) === 0xf0 && rateIndex < 13 && frameBytes > 7 ? frameBytes : undefined;
}
