/**
 * Never the last word of a sentence: titles, and words that need what follows. In every list here an entry with a capital
 * stands for that form alone, one without for both.
 */
const leading = words(`
  Mr Mrs Ms Mx Messrs Dr Drs Prof Hon Rev Fr Msgr Gov Sen Rep Pres Gen Adm Maj Col Lt Sgt Cpl Capt Cmdr Supt Det Insp
  Mt Ft e.g i.e vs cf viz approx ca esp incl excl resp Eq Eqs Sect Refs
  Hr z.B d.h u.a bzw ggf vgl Mme Mlle Mgr Sra Srta Dra Ud Uds Sig Dott
`);

/** May end a sentence; then a word that often begins one follows. */
const trailing = words(`
  etc al Inc Ltd Co Corp Bros Jr Sr Esq St Ave Blvd Rd Ln Sq Dept Univ Assn est min max avg tel ext usw
  Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Mon Tue Tues Wed Thu Thur Thurs Fri Sat Sun
`);

/** An abbreviation only before a number, as in "No. 5". */
const numbering = words('No Nos Nr pp Art Abs Fig Figs Vol Vols Ch Sec Ref');

const sentenceStarters = words(`
  The This That These Those There Here He She It They We You I In On At For From With By As If When While After Before
  But And Or So Then Now Also However Meanwhile What Why How Who Where Which A An My Your His Her Its Our Their
  Is Are Was Were Do Does Did Can Could Would Should Let Please Yes No Not Some Many Most All Each Every Both Another
  Such Today Yesterday Tomorrow Der Die Das Es Er Sie Wir Ich Le La Les Il Elle Nous El Los Las Ella
`);

/** Whether a full stop ends the sentence, whatever follows or only before such a word. */
export type FullStop = 'ends' | 'continues' | 'ends-before-starter' | 'continues-before-number';

/** What a full stop after this word means; the word has neither white space nor quotes nor brackets before it. */
export function fullStopAfter(word: string): FullStop {
  if (/^\p{Lu}$/u.test(word) || listed(leading, word)) return 'continues';
  if (listed(numbering, word)) return 'continues-before-number';
  const dotted = /^(\p{L}{1,2}\.)+\p{L}{1,2}$/u;
  return listed(trailing, word) || /^\p{Ll}$/u.test(word) || dotted.test(word) ? 'ends-before-starter' : 'ends';
}

/** Whether this word often begins a sentence, and is no likely part of a name. */
export function beginsSentences(word: string): boolean {
  return sentenceStarters.has(word);
}

function listed(list: ReadonlySet<string>, word: string): boolean {
  return list.has(word) || list.has(word.slice(0, 1).toLowerCase() + word.slice(1));
}

function words(list: string): ReadonlySet<string> {
  return new Set(list.trim().split(/\s+/));
}
