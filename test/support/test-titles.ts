/**
 * Titles of tests, and of groups of tests, as the file has them, with `$name` and `${name}` unfilled:
 * the text before a function or options, or the `why` of a table. Skipped tests have none.
 */
export function titlesOf(text: string): string[] {
  const literal = /'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`|"(?:[^"\\\n]|\\.)*"/.source;
  const call = new RegExp(`(\\.(?:skip|todo))?\\(\\s*(${literal}),\\s*(?:async\\b|\\(|\\{)`, 'g');
  const why = new RegExp(`\\bwhy:\\s*(${literal}),?`, 'g');
  return [
    ...[...text.matchAll(call)].filter(([, skipped]) => !skipped).map(([, , title]) => title),
    ...[...text.matchAll(why)].map(([, title]) => title),
  ].map((title = '') => title.slice(1, -1).replaceAll(/\\(['"`\\])/g, '$1'));
}
