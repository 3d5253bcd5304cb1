/** The content of a transcript, in order. */
export type MarkedText =
  { readonly kind: 'text'; readonly text: string } | { readonly kind: 'break'; readonly durationMs: number };

const name = String.raw`[A-Za-z][\w:-]*`;
const attribute = String.raw`\s+${name}\s*=\s*(?:"[^"<>]*"|'[^'<>]*'|“[^”<>]*”|[^\s"'“<>/]+)`;
const unfinishedValue = String.raw`"[^"<>]*|'[^'<>]*|“[^”<>]*|[^\s"'“<>/]*`;
const tag = new RegExp(`^<(/?)(${name})((?:${attribute})*)\\s*(/?)>`);
const phonemes = /^<<[^\s<>][^<>\n]*>>/;
const unfinishedTag = new RegExp(
  `^<(?:/?(?:${name})?|${name}(?:${attribute})*(?:\\s+(?:${name}(?:\\s*=\\s*(?:${unfinishedValue})?|\\s*)?)?)?\\s*/?)$`,
);
const unfinishedPhonemes = /^<<(?:[^\s<>][^<>\n]*>?)?$/;
const longestTag = 256;

/** Names for which "<b>" or "</b>" is a tag. A tag that closes itself or has attributes is a tag whatever its name. */
const tagNames = new Set(
  (
    'break spell speed volume emotion speak prosody emphasis say-as sub phoneme voice audio mark lang lexicon ' +
    'p s w token b i u a em strong br span div code pre ul ol li h1 h2 h3 h4'
  ).split(' '),
);

const defaultBreakMs = 500;
const longestBreakMs = 10_000;

/**
 * Removes the tags from a transcript that arrives in pieces of any length. A break is reported. The text of `<spell>`
 * is returned as its letters with commas and no-break spaces between them. All other tags and `<<phonemes>>` are
 * dropped. A "<" that begins no tag is text.
 */
export class TagReader {
  private held = '';
  private spelling = false;
  /** Whether a character was spelled to which the next one is joined. */
  private hasSpelled = false;

  /** Returns the text that no later text can change. The beginning of a tag is held back until the rest arrives. */
  push(text: string): MarkedText[] {
    const marked: MarkedText[] = [];
    this.held += text;
    for (;;) {
      const next = this.held.indexOf('<');
      this.readText(next < 0 ? wholeCharacters(this.held) : next, marked);
      if (next < 0 || !this.readTag(marked)) return marked;
    }
  }

  /** Returns false if more text is needed to decide whether this is a tag. */
  private readTag(marked: MarkedText[]): boolean {
    const candidate = this.held.slice(0, longestTag);
    const match = tag.exec(candidate);
    const spoken = phonemes.exec(candidate);
    if (match && isTag(match)) this.applyTag(match, marked);
    else if (spoken) this.drop(spoken[0].length, marked);
    else if (this.held.length < longestTag && (unfinishedTag.test(candidate) || unfinishedPhonemes.test(candidate))) {
      return false;
    } else this.readText(1, marked);
    return true;
  }

  private applyTag(match: RegExpExecArray, marked: MarkedText[]): void {
    const [whole, closing, tagName = '', attributes = '', selfClosing] = match;
    const kind = tagName.toLowerCase();
    if (kind === 'break' && !closing) return this.applyBreak(whole.length, breakDurationMs(attributes), marked);
    if (kind === 'spell' && !selfClosing) {
      this.spelling = !closing;
      this.hasSpelled = false;
    }
    // A paired tag may be inside a word. All other tags separate words.
    if (selfClosing || (kind === 'spell' && !closing)) this.drop(whole.length, marked);
    else this.advance(whole.length);
  }

  private applyBreak(length: number, durationMs: number, marked: MarkedText[]): void {
    marked.push({ kind: 'break', durationMs });
    this.hasSpelled = false;
    this.advance(length);
  }

  private drop(length: number, marked: MarkedText[]): void {
    marked.push({ kind: 'text', text: ' ' });
    this.advance(length);
  }

  private readText(length: number, marked: MarkedText[]): void {
    const text = this.held.slice(0, length);
    if (this.spelling) this.spell(text, marked);
    else if (text !== '') marked.push({ kind: 'text', text });
    this.advance(length);
  }

  /** Leaves out characters that would end a sentence or are silent. A combining mark stays with its letter. */
  private spell(text: string, marked: MarkedText[]): void {
    for (const [character] of text.matchAll(/[\p{L}\p{M}\p{N}\p{Sc}@#%&*+=/_\\]/gu)) {
      const joint = this.hasSpelled && !/\p{M}/u.test(character) ? ',\u00a0' : '';
      const upper = character.toUpperCase();
      marked.push({ kind: 'text', text: joint + (upper.length === character.length ? upper : character) });
      this.hasSpelled = true;
    }
  }

  private advance(length: number): void {
    this.held = this.held.slice(length);
  }
}

/** A character beyond the basic plane may arrive in two pieces. */
function wholeCharacters(text: string): number {
  return /[\ud800-\udbff]$/.test(text) ? text.length - 1 : text.length;
}

function isTag([, closing, tagName = '', attributes, selfClosing]: RegExpExecArray): boolean {
  return Boolean(attributes) || (Boolean(selfClosing) && !closing) || tagNames.has(tagName.toLowerCase());
}

/** A number without a unit is in seconds. Default without a readable time: 500 ms. Maximum: 10 s. */
function breakDurationMs(attributes: string): number {
  const match = /\stime\s*=\s*["'“]?\s*(\d+(?:\.\d+)?|\.\d+)\s*(ms|s)?\s*["'”]?(?=\s|$)/i.exec(attributes);
  if (!match) return defaultBreakMs;
  const value = Number(match[1]);
  return Math.min(longestBreakMs, match[2]?.toLowerCase() === 'ms' ? value : value * 1000);
}
