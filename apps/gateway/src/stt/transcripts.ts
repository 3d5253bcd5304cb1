import type { SttSegment } from '@app/protocol';
import { sttSampleRateHz } from '@app/speech/audio';
import { usesSpaces } from '@app/speech/text';

/** Recognised text for the client. The texts of finals can be concatenated. */
export interface Transcript {
  readonly text: string;
  readonly language: string;
  readonly durationSeconds: number;
  readonly words: readonly { readonly word: string; readonly start: number; readonly end: number }[];
}

/** The transcripts of one STT stream. A final never changes, and silence gives no transcript. */
export class Transcripts {
  private finalEnd = 0;
  private hasText = false;
  private openWords = false;

  /** The sample after the last one that a final covers. */
  get finalSample(): number {
    return this.finalEnd;
  }

  /** Whether partials contained words that no final covers yet. */
  get hasOpenWords(): boolean {
    return this.openWords;
  }

  /** Returns undefined for a segment without text. */
  partial(segment: SttSegment): Transcript | undefined {
    if (segment.endSample <= this.finalEnd || segment.text === '') return undefined;
    this.openWords = true;
    return this.transcriptOf(segment);
  }

  /** Returns undefined for a segment without text, even if it moves `finalSample`. */
  final(segment: SttSegment): Transcript | undefined {
    if (segment.endSample <= this.finalEnd) return undefined;
    this.finalEnd = segment.endSample;
    this.openWords = false;
    if (segment.text === '') return undefined;
    const transcript = this.transcriptOf(segment);
    this.hasText = true;
    return transcript;
  }

  private transcriptOf(segment: SttSegment): Transcript {
    const seconds = (sample: number): number => Number((sample / sttSampleRateHz).toFixed(3));
    return {
      text: this.hasText && usesSpaces(segment.language) ? ` ${segment.text}` : segment.text,
      language: segment.language,
      durationSeconds: seconds(segment.endSample - segment.startSample),
      words: segment.words.map(([word, start, end]) => ({ word, start: seconds(start), end: seconds(end) })),
    };
  }
}
