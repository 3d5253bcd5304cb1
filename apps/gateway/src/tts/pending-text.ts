import { TextSplitter, type TextPiece } from '@app/speech/text';

/** Most characters that are split at once. The worst text of this length takes about 2 ms. */
export const sliceCharacters = 1_000;
/** Characters of text that take as long as the end of a text. */
const restCost = 100;

/** A piece of the text, or the place of a flush in it. */
export type TextItem = TextPiece | { readonly kind: 'flush'; readonly flushId: number };

type Step =
  | { readonly type: 'text'; text: string; at: number }
  | { readonly type: 'rest' }
  | { readonly type: 'flush'; readonly flushId: number };

/**
 * The text of a context that is not split yet, in order. How it is taken out has no effect on the utterances: they are
 * those of a splitter that is given the same text and the same ends at once.
 */
export class PendingText {
  private readonly splitter = new TextSplitter();
  private steps: Step[] = [];

  get isEmpty(): boolean {
    return this.steps.length === 0;
  }

  push(text: string): void {
    const last = this.steps.at(-1);
    if (last?.type === 'text') last.text += text;
    else if (text !== '') this.steps.push({ type: 'text', text, at: 0 });
  }

  /** Ends the utterance that waits for more text. */
  splitRest(): void {
    this.steps.push({ type: 'rest' });
  }

  flush(flushId: number): void {
    this.steps.push({ type: 'rest' }, { type: 'flush', flushId });
  }

  /**
   * Splits the next slice of text and returns what it gives, or the next flush. `cost`: the work that this was, as a
   * number of characters of text.
   */
  take(): { readonly items: readonly TextItem[]; readonly cost: number } {
    const [step] = this.steps;
    if (step?.type === 'text') {
      const slice = step.text.slice(step.at, step.at + sliceCharacters);
      step.at += slice.length;
      if (step.at === step.text.length) this.steps.shift();
      return { items: this.splitter.push(slice), cost: slice.length };
    }
    this.steps.shift();
    if (step?.type === 'rest') return { items: this.splitter.flush(), cost: restCost };
    return { items: step ? [{ kind: 'flush', flushId: step.flushId }] : [], cost: 0 };
  }

  clear(): void {
    this.steps = [];
  }
}
