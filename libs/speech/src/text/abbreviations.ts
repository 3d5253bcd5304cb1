/**
 * Words that never end a sentence: titles, and words that need the next one. In every list here an entry with a capital
 * letter matches that form only. An entry without one matches both forms.
 */
const leading = words(`
  Mr Mrs Ms Mx Messrs Dr Drs Prof Hon Rev Fr Msgr Gov Sen Rep Pres Gen Adm Maj Col Lt Sgt Cpl Capt Cmdr Supt Det Insp
  Mt Ft e.g i.e vs cf viz approx ca esp incl excl resp Eq Eqs Sect Refs
  Hr z.B d.h u.a bzw ggf vgl Mme Mlle Mgr Sra Srta Dra Ud Uds Sig Dott
`);

/** Words that may end a sentence. They do so if the next word often begins one. */
const trailing = words(`
  etc al Inc Ltd Co Corp Bros Jr Sr Esq St Ave Blvd Rd Ln Sq Dept Univ Assn est min max avg tel ext usw
  Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Mon Tue Tues Wed Thu Thur Thurs Fri Sat Sun
`);

/** Words that are abbreviations only before a number, as in "No. 5". */
const numbering = words('No Nos Nr pp Art Abs Fig Figs Vol Vols Ch Sec Ref');

const sentenceStarters = words(`
  The This That These Those There Here He She It They We You I In On At For From With By As If When While After Before
  But And Or So Then Now Also However Meanwhile What Why How Who Where Which A An My Your His Her Its Our Their
  Is Are Was Were Do Does Did Can Could Would Should Let Please Yes No Not Some Many Most All Each Every Both Another
  Such Today Yesterday Tomorrow Der Die Das Es Er Sie Wir Ich Le La Les Il Elle Nous El Los Las Ella
`);

/** Whether a full stop ends the sentence: always, never, or depending on the next word. */
export type FullStop = 'ends' | 'continues' | 'ends-before-starter' | 'continues-before-number';

/** The meaning of a full stop after this word. The word must not begin with white space, quotes or brackets. */
export function fullStopAfter(word: string): FullStop {
  if (/^\p{Lu}$/u.test(word) || listed(leading, word)) return 'continues';
  if (listed(numbering, word)) return 'continues-before-number';
  const dotted = /^(\p{L}{1,2}\.)+\p{L}{1,2}$/u;
  return listed(trailing, word) || /^\p{Ll}$/u.test(word) || dotted.test(word) ? 'ends-before-starter' : 'ends';
}

/** Whether this word often begins a sentence and is unlikely to be part of a name. */
export function beginsSentences(word: string): boolean {
  return sentenceStarters.has(word);
}

function listed(list: ReadonlySet<string>, word: string): boolean {
  return list.has(word) || list.has(word.slice(0, 1).toLowerCase() + word.slice(1));
}

function words(list: string): ReadonlySet<string> {
  return new Set(list.trim().split(/\s+/));
}
