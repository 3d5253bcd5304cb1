/** Words that only this project would use so, with the word that a reader searches for. */
const bannedWords: readonly (readonly [RegExp, string])[] = [
  [/\bbeats?\b/i, 'heartbeat'],
  [/\btake-?overs?\b/i, 'failover'],
  [/\bnewcomers?\b/i, 'new request'],
  [/\bdoors?\b/i, 'entry point'],
  [/\btwins?\b/i, 'in-memory implementation'],
];

/** The banned words of a text, each with the word to use. */
export const bannedWordsIn = (text: string): string[] =>
  bannedWords.flatMap(([pattern, instead]) => {
    const found = pattern.exec(text);
    return found ? [`${found[0]}: write ${instead}`] : [];
  });
